/** Says that a result was not made by this run: taken over from an earlier one, or pinned. */

import { History, Pin } from "lucide-react";

import styles from "./Origin.module.css";

const TITLES = {
  reused: "Taken over from an earlier run: nothing that it depends on has changed",
  pinned: "Pinned data: the node gave these values instead of running",
};

export function Origin({ kind }: { kind: "reused" | "pinned" }) {
  const Icon = kind === "reused" ? History : Pin;
  return (
    <span className={styles.origin} data-kind={kind} title={TITLES[kind]}>
      <Icon aria-hidden="true" />
      {kind}
    </span>
  );
}
