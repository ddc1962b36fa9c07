/** What went otherwise than well in a run, beside its status: failed, handled, waiting, skipped. */

import type { CSSProperties } from "react";

import { statusColour } from "../model/run";
import { countWords } from "../model/runs";
import type { Counts } from "../model/types";
import { StatusMark } from "./StatusBadge";
import styles from "./Tally.module.css";

export function Tally({ counts }: { counts: Partial<Counts> }) {
  const words = countWords(counts);
  if (words.length === 0) return null;
  return (
    <span className={`${styles.tally ?? ""} num`}>
      {words.map(({ status, handled, text }) => (
        <span key={text} style={{ "--st": statusColour(status, handled) } as CSSProperties}>
          <StatusMark status={status} handled={handled} size={12} label="" />
          {text}
        </span>
      ))}
    </span>
  );
}
