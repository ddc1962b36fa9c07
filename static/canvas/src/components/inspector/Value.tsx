/** One named value that can be folded away. */

import { useState, type ReactNode } from "react";

import type { Json } from "../../model/types";
import styles from "../Inspector.module.css";
import { JsonView } from "../JsonView";

interface ValueProps {
  name: string;
  /** What and how large it is. */
  words: string;
  value: Json;
  /** Stands below the value. */
  children?: ReactNode;
}

export function Value({ name, words, value, children }: ValueProps) {
  const [open, setOpen] = useState(true);
  return (
    <details className={styles.value} open={open} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>
        <b>{name}</b> <small>{words}</small>
      </summary>
      {open && <JsonView value={value} />}
      {open && children}
    </details>
  );
}
