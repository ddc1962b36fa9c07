/** Facts about executions that several parts of the page ask for. */

import type { Counts, Execution, NodeStatus } from "./types";

const FINAL: ReadonlySet<NodeStatus> = new Set<NodeStatus>(["completed", "failed", "cancelled", "skipped"]);

export function isFinal(status: NodeStatus): boolean {
  return FINAL.has(status);
}

/** Steps that are over and steps known so far. */
export function steps(counts: Partial<Counts>): { done: number; known: number } {
  const { completed = 0, failed = 0, skipped = 0, cancelled = 0, running = 0, queued = 0, total } = counts;
  const done = completed + failed + skipped + cancelled;
  return { done, known: Math.max(total ?? 0, done + running + queued) };
}

/** Newest first; `changed` replaces runs of the same id. */
export function mergeRuns(known: readonly Execution[], changed: readonly Execution[]): Execution[] {
  const byId = new Map([...known, ...changed].map((one) => [one.id, one]));
  return [...byId.values()].toSorted((a, b) => (a.created_at < b.created_at ? 1 : -1));
}
