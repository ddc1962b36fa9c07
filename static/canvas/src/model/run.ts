/** Questions about the rows of a run: their order, times, words, and the story that they tell. */

import { duration } from "./format";
import type { Execution, Failure, NodeOutput, NodeRow, NodeStatus, RunNote } from "./types";
import { asksPerson } from "./waiting";

/** An ISO time, to the microsecond, as milliseconds since the epoch; null stays null. */
export function instant(iso: string): number;
export function instant(iso: string | null | undefined): number | null;
export function instant(iso: string | null | undefined): number | null {
  if (!iso) return null;
  // `Date` reads three digits of the fraction; the others follow them.
  const dot = iso.indexOf(".");
  const rest = dot < 0 ? "" : iso.slice(dot + 4).replace(/\D.*$/, "");
  return Date.parse(iso) + (rest === "" ? 0 : Number(`0.${rest}`));
}

/** Paths compared number by number, outer loops first; then the ordinal. */
export function compareRows(a: NodeRow, b: NodeRow): number {
  const length = Math.min(a.path.length, b.path.length);
  for (let k = 0; k < length; k += 1) {
    const difference = (a.path[k] ?? 0) - (b.path[k] ?? 0);
    if (difference !== 0) return difference;
  }
  return a.path.length - b.path.length || a.ordinal - b.ordinal;
}

/** Rows in item order, only the failed ones when asked. */
export function rowsInOrder(rows: readonly NodeRow[], failedOnly = false): NodeRow[] {
  return rows.filter((row) => !failedOnly || row.status === "failed").sort(compareRows);
}

/**
 * The row to show first: an unhandled failure, a question to people, else the first; it does not jump from item to item
 * while they run.
 */
export function tellingRow(rows: readonly NodeRow[]): NodeRow | undefined {
  return rows.find((row) => row.status === "failed" && !row.handled) ?? rows.find(asksPerson) ?? rows[0];
}

/** "Item 3", "Item 3 › 1", "Item 3, run 2", "Run 2": counted from 1 as people do. */
export function itemName(row: Pick<NodeRow, "path" | "ordinal">): string {
  const item = row.path.length > 0 ? `Item ${row.path.map((index) => index + 1).join(" › ")}` : "";
  if (row.ordinal === 0) return item || "Run 1";
  return item === "" ? `Run ${row.ordinal + 1}` : `${item}, run ${row.ordinal + 1}`;
}

/** Milliseconds from start to end, to `now` while it runs; null before the start. */
export function rowTime(row: Pick<NodeRow, "started_at" | "ended_at">, now: number): number | null {
  const start = instant(row.started_at);
  return start === null ? null : Math.max(0, (instant(row.ended_at) ?? now) - start);
}

const STATUS_WORDS: Readonly<Record<NodeStatus, string>> = {
  queued: "Queued",
  running: "Running",
  waiting: "Waiting",
  completed: "Done",
  failed: "Failed",
  cancelled: "Cancelled",
  skipped: "Skipped",
};

/** The word that people read for a status. */
export function statusWord(status: NodeStatus, handled = false): string {
  return status === "failed" && handled ? "Failed, handled" : STATUS_WORDS[status];
}

const STATUS_COLOURS: Readonly<Record<NodeStatus, string>> = {
  queued: "var(--mute)",
  running: "var(--run)",
  waiting: "var(--warn)",
  completed: "var(--ok)",
  failed: "var(--err)",
  cancelled: "var(--mute)",
  skipped: "var(--mute)",
};

/** The colour that goes with a status, beside its sign and its word. */
export function statusColour(status: NodeStatus, handled = false): string {
  return status === "failed" && handled ? "var(--warn)" : STATUS_COLOURS[status];
}

/** What a failure says, whatever shape it came in. */
export function failureText(failure: Failure | null): string {
  return failure?.message ?? failure?.detail ?? "";
}

/** What somebody can do about a failure, in a sentence. */
export function failureAdvice(failure: Failure | null, handled: boolean): string {
  if (handled) return "The error port carried this on, so the run went on.";
  const kind = failure?.kind ?? "";
  if (/timeout/i.test(kind)) return "Give it more time under Config › Reliability, or let it do less at once.";
  if (/input|conversion|port/i.test(kind)) return "Look at what arrived under Input, and at the node that sent it.";
  if (/lost|crash|killed/i.test(kind))
    return "The worker went away while it ran. Run it again; if it stays so, look at its memory.";
  if (kind === "budget") return "The page Usage says what was spent. With more money, retry from the failed nodes.";
  if (kind === "bug") return "This is a mistake in the block, not in the graph: the log of the worker has the details.";
  return "Look at Input and Config, then run it again. Linking the error port would handle it.";
}

/** Values by port, ports in order of their first value. */
export function outputsByPort(outputs: readonly NodeOutput[]): Map<string, NodeOutput[]> {
  const ports = new Map<string, NodeOutput[]>();
  for (const output of outputs) {
    const values = ports.get(output.port);
    if (values) values.push(output);
    else ports.set(output.port, [output]);
  }
  return ports;
}

export type StoryKind =
  "started" | "completed" | "failed" | "handled" | "cancelled" | "skipped" | "note" | "trouble" | "recovered";

/** One line of the chronological list. */
export interface StoryLine {
  readonly id: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly kind: StoryKind;
  /** Empty for the run as a whole. */
  readonly node: string;
  readonly row: NodeRow | null;
  readonly text: string;
}

/** Lines of rows that did not change since: a long run is told again several times a second. */
const known = new WeakMap<NodeRow, readonly StoryLine[]>();

/** Everything that happened, oldest first: two lines for a row that ran, one for a skipped or never started one. */
export function story(rows: Iterable<NodeRow>, notes: readonly RunNote[]): StoryLine[] {
  const lines = notes.map(noteLine);
  for (const row of rows) {
    let told = known.get(row);
    if (!told) {
      told = rowLines(row);
      known.set(row, told);
    }
    lines.push(...told);
  }
  return lines.sort((a, b) => a.at - b.at || (a.row?.seq ?? 0) - (b.row?.seq ?? 0) || (a.kind === "started" ? -1 : 1));
}

/** Start and end of the run itself, as notes. */
export function runNotes(execution: Execution): RunNote[] {
  const { created_at: created, started_at: started, ended_at: ended, status, error } = execution;
  const notes: RunNote[] = [{ at: created, kind: "created", text: `Asked for by ${execution.trigger}` }];
  if (started !== null) notes.push({ at: started, kind: "started", text: "Run started" });
  if (ended !== null) {
    const why = failureText(error);
    const text = `Run ${statusWord(status).toLowerCase()}${why === "" ? "" : `: ${why}`}`;
    notes.push({ at: ended, kind: status === "failed" ? "failed" : "ended", text });
  }
  return notes;
}

const NOTE_KINDS: Readonly<Record<string, StoryKind>> = {
  worker_lost: "trouble",
  failed: "trouble",
  resumed: "recovered",
};

function noteLine(note: RunNote, index: number): StoryLine {
  return {
    id: `note-${index}`,
    at: instant(note.at),
    kind: NOTE_KINDS[note.kind] ?? "note",
    node: "",
    row: null,
    text: note.text || note.kind,
  };
}

function rowLines(row: NodeRow): StoryLine[] {
  const start = instant(row.started_at);
  const end = instant(row.ended_at);
  const lines: StoryLine[] = [];
  if (start !== null) {
    const text = row.attempt > 1 ? `started, ${attemptWords(row)}` : "started";
    lines.push({ id: `${row.id}-start`, at: start, kind: "started", node: row.node, row, text });
  }
  if (end !== null) {
    lines.push({
      id: `${row.id}-end`,
      at: end,
      kind: endKind(row),
      node: row.node,
      row,
      text: endText(row, start, end),
    });
  }
  return lines;
}

/** `attempt 2`, and why it was tried again when it had not failed. */
export function attemptWords({ attempt, interrupted }: Pick<NodeRow, "attempt" | "interrupted">): string {
  if (interrupted === 0) return `attempt ${attempt}`;
  return `attempt ${attempt}, ${interrupted === 1 ? "one" : interrupted} ended with its worker`;
}

function endKind(row: NodeRow): StoryKind {
  if (row.status === "failed") return row.handled ? "handled" : "failed";
  return row.status === "skipped" || row.status === "cancelled" ? row.status : "completed";
}

function endText(row: NodeRow, start: number | null, end: number): string {
  const time = start === null ? "" : ` in ${duration(end - start)}`;
  const why = failureText(row.error);
  if (row.status === "failed") return `failed${row.handled ? ", handled" : ""}: ${why || "no reason given"}`;
  if (row.status === "skipped") return why === "" ? "skipped" : `skipped: ${why}`;
  if (row.status === "cancelled") return "cancelled";
  if (row.pinned) return "gave its pinned data";
  return row.reused ? "taken over from an earlier run" : `done${time}`;
}
