/** Facts about executions that several parts of the page ask for. */

import type { Counts, Execution, NodeStatus } from "./types";

const FINAL: ReadonlySet<NodeStatus> = new Set<NodeStatus>(["completed", "failed", "cancelled", "skipped"]);

export function isFinal(status: NodeStatus): boolean {
  return FINAL.has(status);
}

/** Steps that are over and steps known so far. */
export function steps(counts: Partial<Counts>): { done: number; known: number } {
  const { completed = 0, failed = 0, handled = 0, skipped = 0, cancelled = 0 } = counts;
  const { running = 0, waiting = 0, queued = 0, total = 0 } = counts;
  const done = completed + failed + handled + skipped + cancelled;
  return { done, known: Math.max(total, done + running + waiting + queued) };
}

/** Outcomes that are worth a word beside a run's status, in the order of their weight. */
const TOLD = ["failed", "handled", "waiting", "skipped"] as const;

export interface CountWord {
  status: NodeStatus;
  handled: boolean;
  text: string;
}

/** `2 failed`, `1 handled`, `3 waiting`, `12 skipped`: those that there are. */
export function countWords(counts: Partial<Counts>): CountWord[] {
  return TOLD.flatMap((name) => {
    const number = counts[name] ?? 0;
    if (number === 0) return [];
    const handled = name === "handled";
    return [{ status: handled ? "failed" : name, handled, text: `${number.toLocaleString("en")} ${name}` }];
  });
}

/** Newest first; `changed` replaces runs of the same id. */
export function mergeRuns(known: readonly Execution[], changed: readonly Execution[]): Execution[] {
  const byId = new Map([...known, ...changed].map((one) => [one.id, one]));
  return [...byId.values()].toSorted((a, b) => (a.created_at < b.created_at ? 1 : -1));
}
