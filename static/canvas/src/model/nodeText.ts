/** The few words at the bottom of a node. */

import { count, duration, elapsed } from "./format";
import { statusWord } from "./run";
import { isFinal } from "./runs";
import { hasHandled, origin, type NodeSummary } from "./summary";
import type { NodeStatus } from "./types";

function capital(words: string): string {
  return words.charAt(0).toUpperCase() + words.slice(1);
}

const TIMELESS: ReadonlySet<NodeStatus> = new Set<NodeStatus>(["skipped", "queued", "waiting"]);

/** Status word, then the facts at the right: items of a loop, or time. `wait`: what the node waits for, in words. */
export function footerText(summary: NodeSummary, now: number, wait = ""): { word: string; facts: string } {
  const { by, rows } = summary;
  if (rows === 1 && summary.status === "waiting" && wait !== "") return { word: capital(wait), facts: "" };
  const word = statusWord(summary.status, summary.handled);
  const retried = summary.attempts > 1 && summary.status === "completed" ? `, ${summary.attempts} attempts` : "";
  const ended = summary.status === "running" ? null : summary.endedAt;
  const time = summary.startedAt === null ? null : elapsed(summary.startedAt, ended ?? summary.startedAt, now);
  const spent = summary.status === "running" ? elapsed(summary.startedAt, null, now) : time;
  // The time of an earlier run, or of no run at all, would say nothing about this one.
  const timeless = TIMELESS.has(summary.status) || origin(summary) !== null;
  const clock = spent === null || timeless ? "" : duration(spent);
  if (summary.status === "running" && summary.progressText) return { word, facts: summary.progressText };
  if (rows > 1) {
    const done = by.completed + by.failed + by.skipped + by.cancelled;
    const noun = summary.inLoop ? "item" : "run";
    // While it goes on the numbers matter, at the end the time too: both together do not fit.
    const isWhole = isFinal(summary.status) && by.cancelled === 0;
    const reached = done - by.cancelled;
    const last = hasHandled(summary) ? `${summary.failedHandled} handled` : clock;
    const facts = isWhole ? [count(rows, noun), last] : [`${reached} of ${count(rows, noun)}`];
    return { word: word + retried, facts: facts.filter(Boolean).join(", ") };
  }
  return { word: word + retried, facts: clock };
}
