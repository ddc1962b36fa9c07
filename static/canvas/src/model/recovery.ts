/** What is told of a run whose worker was lost or that nobody takes up. */

import { clock } from "./format";
import { instant } from "./run";
import type { HeldUp, NodeRow, RunNote } from "./types";

/** In the few words that fit beside a run's status. */
export function heldUpWords(reason: HeldUp): string {
  switch (reason) {
    case "no_worker":
      return "Waits: no worker is running";
    case "worker_silent":
      return "Its worker does not answer; another one goes on within seconds";
    case "worker_lost":
      return "Worker lost; another one goes on within seconds";
    case "handed_over":
      return "Its worker was stopped; another one goes on within seconds";
    case "no_nodes_worker":
      return "Waits: no nodes worker is running";
  }
}

/** What somebody has to do, for what does not mend itself; empty for the rest. */
export function heldUpAdvice(reason: HeldUp): { title: string; text: string; command: string } | null {
  if (reason === "no_worker")
    return {
      title: "No worker is running, so this run waits.",
      text: "Nothing is lost: it goes on as soon as one starts. On the server:",
      command: "manage.py rqworker",
    };
  if (reason === "no_nodes_worker")
    return {
      title: "Steps that run in a process of their own wait: no nodes worker is running.",
      text: "Nothing is lost: they run as soon as one starts. On the server:",
      command: "manage.py rqworker nodes",
    };
  return null;
}

/** A time without a worker that goes on. */
export interface Gap {
  readonly from: number;
  /** null: nobody has gone on yet. */
  readonly to: number | null;
  /** The worker was lost; else it was stopped and handed the run over. */
  readonly lost: boolean;
}

/** When the run had no worker: from the last sign of life or the handing over until another one went on. */
export function gaps(notes: readonly RunNote[]): Gap[] {
  const found: Gap[] = [];
  for (const note of notes) {
    const last = found.at(-1);
    if (note.kind === "resumed" && last?.to === null) found[found.length - 1] = { ...last, to: instant(note.at) };
    if (note.kind === "worker_lost" || note.kind === "handed_over")
      found.push({ from: instant(note.since ?? note.at), to: null, lost: note.kind === "worker_lost" });
  }
  return found;
}

/** `Worker lost 12:03:11, resumed 12:03:18`; of several the last, with their number; empty when none was lost. */
export function recoveryWords(notes: readonly RunNote[]): string {
  const lost = gaps(notes).filter((gap) => gap.lost);
  const last = lost.at(-1);
  if (!last) return "";
  const times = `${lost.length > 1 ? `${lost.length} workers lost, the last` : "Worker lost"} ${time(last.from)}`;
  return last.to === null ? times : `${times}, resumed ${time(last.to)}`;
}

function time(at: number): string {
  return clock(new Date(at).toISOString());
}

/** Why a node was tried again although it had not failed; empty when it was not. */
export function interruptedWords(row: NodeRow, notes: readonly RunNote[]): string {
  if (row.interrupted === 0) return "";
  const started = instant(row.started_at) ?? 0;
  const ended = instant(row.ended_at) ?? Infinity;
  const gap = gaps(notes).findLast(({ from }) => from >= started && from <= ended);
  const what = gap === undefined ? "was lost or stopped" : gap.lost ? "was lost" : "was stopped";
  const when = gap === undefined ? "" : ` at ${time(gap.from)}`;
  const times = row.interrupted > 1 ? `, ${row.interrupted} times in all` : "";
  return `Tried again, attempt ${row.attempt}: its worker ${what}${when}${times}.`;
}
