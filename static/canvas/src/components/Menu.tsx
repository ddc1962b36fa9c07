/** A list of verbs at a place of the screen: arrows choose, Enter takes, Escape closes. */

import { useEffect, useLayoutEffect, useRef, useState, type KeyboardEvent, type ReactNode } from "react";

import type { At } from "../model/types";
import styles from "./Menu.module.css";

export interface MenuItem {
  label: string;
  icon?: ReactNode;
  /** Shown at the right. */
  keys?: string;
  /** Why it cannot be done now; empty or absent: it can. */
  why?: string | undefined;
  danger?: boolean;
  run: () => void;
}

interface MenuProps {
  label: string;
  /** Groups with a line between them; empty ones are left out. */
  groups: readonly (readonly MenuItem[])[];
  /** Where a corner of it is; moved so that all of it is on the screen. */
  at: At;
  /** Which of its upper corners is there. */
  corner?: "left" | "right";
  /** Words below the verbs. */
  note?: string | undefined;
  onClose: () => void;
}

const EDGE = 8;

export function Menu({ label, groups, at, corner = "left", note, onClose }: MenuProps) {
  const element = useRef<HTMLDivElement>(null);
  const [place, setPlace] = useState(at);

  useLayoutEffect(() => {
    const box = element.current?.getBoundingClientRect();
    if (!box) return;
    const [x, y] = corner === "left" ? at : [at[0] - box.width, at[1]];
    setPlace([
      Math.max(EDGE, Math.min(x, window.innerWidth - box.width - EDGE)),
      Math.max(EDGE, Math.min(y, window.innerHeight - box.height - EDGE)),
    ]);
    // The note may come later and make it higher.
  }, [at, corner, note]);

  useEffect(() => {
    const before = document.activeElement;
    focusItem(element.current, 0);
    const outside = (event: Event): void => {
      if (event.target instanceof Node && !element.current?.contains(event.target)) onClose();
    };
    document.addEventListener("pointerdown", outside, { capture: true });
    document.addEventListener("wheel", outside, { capture: true, passive: true });
    return () => {
      document.removeEventListener("pointerdown", outside, { capture: true });
      document.removeEventListener("wheel", outside, { capture: true });
      if (before instanceof HTMLElement && document.activeElement === document.body) before.focus();
    };
  }, [onClose]);

  const onKeyDown = (event: KeyboardEvent): void => {
    event.stopPropagation();
    const steps: Record<string, number> = { ArrowDown: 1, ArrowUp: -1 };
    const step = steps[event.key];
    if (step !== undefined) focusItem(element.current, step, document.activeElement);
    else if (event.key === "Home") focusItem(element.current, 0);
    else if (event.key === "End") focusItem(element.current, -1);
    else if (event.key === "Escape" || event.key === "Tab") onClose();
    else return;
    event.preventDefault();
  };

  return (
    <div
      ref={element}
      className={styles.menu}
      role="menu"
      aria-label={label}
      style={{ left: place[0], top: place[1] }}
      onKeyDown={onKeyDown}
      onContextMenu={(event) => event.preventDefault()}
    >
      {groups
        .filter((group) => group.length > 0)
        .map((group, index) => (
          <div key={index} className={styles.group} role="group">
            {group.map((item) => (
              <Item key={item.label} item={item} onClose={onClose} />
            ))}
          </div>
        ))}
      {note !== undefined && note !== "" && <p className={styles.note}>{note}</p>}
    </div>
  );
}

function Item({ item, onClose }: { item: MenuItem; onClose: () => void }) {
  const off = item.why !== undefined && item.why !== "";
  return (
    <button
      type="button"
      role="menuitem"
      tabIndex={-1}
      data-danger={item.danger}
      aria-disabled={off}
      title={item.why}
      onClick={() => {
        if (off) return;
        onClose();
        item.run();
      }}
    >
      {item.icon}
      <span>{item.label}</span>
      {item.keys !== undefined && <kbd>{item.keys}</kbd>}
    </button>
  );
}

/** Moves the focus by `step` from one item, around the ends; without one to the first (0) or last (-1). */
function focusItem(menu: HTMLElement | null, step: number, from: Element | null = null): void {
  const items = [...(menu?.querySelectorAll<HTMLElement>("[role=menuitem]") ?? [])];
  const at = from instanceof HTMLElement ? items.indexOf(from) : 0;
  items[(at + step + items.length) % items.length]?.focus();
}
