/** What a waiting run waits for, in words. */

import { duration, moment } from "./format";
import type { NodeRow, Waiting } from "./types";

/** The nearest second, so that the words do not tremble. */
const SECOND = 1000;

/** `waits until 12:03`, `next try in 3 s`, `waits for a decision`, `runs graph Invoices`. */
export function waitingWords(waiting: Waiting, now: number, graph = ""): string {
  const { until } = waiting;
  switch (waiting.for) {
    case "timer":
      return until === undefined ? "waits for its time" : `waits until ${when(until, now)}`;
    case "retry":
      return until === undefined ? "tries again soon" : nextTry(Date.parse(until) - now);
    case "approval":
      return "waits for a decision";
    case "outcome":
      return "did it happen?";
    case "graph":
      return graph === "" ? "runs another graph" : `runs graph ${graph}`;
  }
}

/** Times of the next minute have their seconds. */
function when(until: string, now: number): string {
  const soon = Math.abs(Date.parse(until) - now) < 60 * SECOND;
  if (!soon) return moment(until, now);
  return new Date(until).toLocaleTimeString([], {
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
    hour12: false,
  });
}

function nextTry(left: number): string {
  const seconds = Math.ceil(left / SECOND);
  if (seconds <= 0) return "next try now";
  return seconds < 60 ? `next try in ${seconds} s` : `next try in ${duration(seconds * SECOND)}`;
}

/** Somebody has to say how it goes on. */
export function asksPerson(row: Pick<NodeRow, "status" | "waiting">): boolean {
  const kind = row.status === "waiting" ? row.waiting?.for : undefined;
  return kind === "approval" || kind === "outcome";
}

/** The wait to tell of several: a question to people first, then what ends first. */
export function tellingWait(rows: Iterable<NodeRow>): Waiting | null {
  let found: Waiting | null = null;
  for (const row of rows) {
    if (row.status !== "waiting" || !row.waiting) continue;
    if (asksPerson(row)) return row.waiting;
    if (found === null || (row.waiting.until ?? "~") < (found.until ?? "~")) found = row.waiting;
  }
  return found;
}
