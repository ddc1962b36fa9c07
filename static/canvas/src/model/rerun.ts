/** Running again from an earlier run: which nodes run, and which of them must not run twice. */

import type { BlockDescription, GraphSpec, JsonObject, NodeRow, ProblemDetails } from "./types";

/** What of a run is done again; nothing named: the failed nodes and what is behind them. */
export type RetryChoice =
  { from: string[] } | { to: string[] } | { node: string; inputs: JsonObject } | { failed: true };

/** A step that would happen again although it must happen once. */
export interface Repeat {
  node: string;
  detail: string;
}

/** The request body of a choice. */
export function retryBody(choice: RetryChoice, repeatOnce: boolean): JsonObject {
  const body: JsonObject = "failed" in choice ? {} : { ...choice };
  return repeatOnce ? { ...body, repeat_once: true } : body;
}

/** The nodes and all that lie behind them, or before them. */
export function reachable(spec: GraphSpec, keys: readonly string[], way: "behind" | "before"): Set<string> {
  const next = new Map<string, string[]>();
  for (const { source, sink } of spec.links) {
    const [start, end] = way === "behind" ? [source, sink] : [sink, source];
    next.set(start, [...(next.get(start) ?? []), end]);
  }
  const found = new Set(keys);
  const todo = [...keys];
  for (let key = todo.pop(); key !== undefined; key = todo.pop()) {
    for (const other of next.get(key) ?? []) {
      if (found.has(other)) continue;
      found.add(other);
      todo.push(other);
    }
  }
  return found;
}

/** Steps that would happen again, by the server's rule: asked here first, so that a refusal is rare. */
export function repeats(
  spec: GraphSpec,
  effectOf: (block: string) => BlockDescription["effect"] | undefined,
  rowsOf: (node: string) => readonly NodeRow[],
  choice: RetryChoice,
): string[] {
  const only = "to" in choice ? reachable(spec, choice.to, "before") : "node" in choice ? new Set([choice.node]) : null;
  const fresh = "from" in choice ? reachable(spec, choice.from, "behind") : new Set<string>();
  return spec.nodes
    .filter(({ key, block }) => effectOf(block) === "once" && (only === null || only.has(key)))
    .filter(({ key }) => rowsOf(key).some((row) => wouldRepeat(row, !("node" in choice) && !fresh.has(key))))
    .map(({ key }) => key);
}

/** The row may have had its effect, and nothing stands for it in the new run. */
function wouldRepeat(row: NodeRow, kept: boolean): boolean {
  if (row.started_at === null) return false;
  if (row.status === "completed") return !kept;
  return row.status !== "failed" || row.error?.kind !== "block";
}

/** The steps that a refusal names; null when it was refused for something else. */
export function refusedRepeats(problem: ProblemDetails): Repeat[] | null {
  const found = problem.errors.filter((error) => error.code === "repeats_once");
  return found.length === 0 ? null : found.map(({ node = "", detail }) => ({ node, detail }));
}

/** Keys of nodes with a failure that nothing handled. */
export function failedNodes(spec: GraphSpec, statusOf: (key: string) => string | undefined): string[] {
  return spec.nodes.filter(({ key }) => statusOf(key) === "failed").map(({ key }) => key);
}
