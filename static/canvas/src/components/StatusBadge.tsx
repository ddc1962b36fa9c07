/** Status as a shape, a word and a colour: never colour alone. */

import type { CSSProperties } from "react";

import { statusColour, statusWord } from "../model/run";
import type { NodeStatus } from "../model/types";
import styles from "./StatusBadge.module.css";

interface StatusProps {
  status: NodeStatus;
  handled?: boolean;
}

/** The sign of a status in an 18 × 18 box; the word is its accessible name unless text stands beside it. */
export function StatusMark({
  status,
  handled = false,
  size = 17,
  label,
}: StatusProps & { size?: number; label?: string }) {
  const name = label ?? statusWord(status, handled);
  const hidden = name === "" ? { "aria-hidden": true } : { role: "img", "aria-label": name };
  return (
    <svg
      className={styles.mark}
      width={size}
      height={size}
      viewBox="0 0 18 18"
      style={tint(status, handled)}
      {...hidden}
    >
      <Sign status={status} handled={handled} />
    </svg>
  );
}

/** A pill with the sign and the word. */
export function StatusBadge({ status, handled = false }: StatusProps) {
  return (
    <span className={styles.badge} style={tint(status, handled)} data-status={status}>
      <StatusMark status={status} handled={handled} size={13} label="" />
      {statusWord(status, handled)}
    </span>
  );
}

function tint(status: NodeStatus, handled: boolean): CSSProperties {
  return { "--st": statusColour(status, handled) } as CSSProperties;
}

function Sign({ status, handled }: { status: NodeStatus; handled: boolean }) {
  switch (status) {
    case "completed":
      return <Disc path="m5.9 9.2 2.2 2.2 4-4.7" />;
    case "failed":
      return handled ? <Disc path="M9 5.2v4.6M9 12.6v.1" /> : <Disc path="m6.4 6.4 5.2 5.2M11.6 6.4l-5.2 5.2" />;
    case "running":
      return <Arc />;
    case "waiting":
      return <Disc path="M7.2 6.2v5.6M10.8 6.2v5.6" />;
    case "cancelled":
      return <Ring path="M6.8 6.8h4.4v4.4H6.8z" filled />;
    case "skipped":
      return <Ring path="M6 9h6" />;
    case "queued":
      return <circle className={styles.dashed} cx="9" cy="9" r="6.8" />;
  }
}

function Disc({ path }: { path: string }) {
  return (
    <>
      <circle className={styles.disc} cx="9" cy="9" r="7.2" />
      <path className={styles.cut} d={path} />
    </>
  );
}

function Ring({ path, filled = false }: { path: string; filled?: boolean }) {
  return (
    <>
      <circle className={styles.ring} cx="9" cy="9" r="6.8" />
      <path className={filled ? styles.solid : styles.stroke} d={path} />
    </>
  );
}

function Arc() {
  return (
    <>
      <circle className={styles.track} cx="9" cy="9" r="6.8" />
      <circle className={styles.arc} cx="9" cy="9" r="6.8" />
    </>
  );
}
