/** The timeline of a run before it has pixels: bars, time scale, ticks, words. */

import { count, duration } from "./format";
import { compareRows, failureText, instant } from "./run";
import type { NodeSummary } from "./summary";
import type { Execution, NodeRow, NodeStatus } from "./types";

/** A piece of a node's line; milliseconds since the run's start, `end` null while it goes on. */
export interface Bar {
  readonly id: string;
  readonly start: number;
  readonly end: number | null;
  readonly status: NodeStatus;
  readonly handled: boolean;
  /** A whole loop in one bar: where its failed items ended. */
  readonly failures?: readonly number[];
}

export interface Line {
  readonly bars: readonly Bar[];
  /** Queued before the start for long enough to show. */
  readonly waited: { readonly start: number; readonly end: number | null } | null;
  /** Items of a loop as words, empty outside loops. */
  readonly items: string;
  /** Failed items, when the node has several. */
  readonly failed: number;
  /** Why nothing ran. */
  readonly reason: string;
  readonly attempts: number;
}

const BLANK: Line = { bars: [], waited: null, items: "", failed: 0, reason: "", attempts: 0 };

/** A node in a loop shows a bar per item up to this many, then one span. */
const SINGLE_BARS = 40;

/** Less than this many milliseconds in the queue is not worth a dotted line. */
const SHORT_WAIT = 50;

const drawn = new WeakMap<NodeSummary, { origin: number; line: Line }>();

/** The line of one node; drawn once for each change of its summary. O(1) for big loops. */
export function lineOf(summary: NodeSummary | undefined, rows: () => readonly NodeRow[], origin: number): Line {
  if (summary === undefined) return BLANK;
  const known = drawn.get(summary);
  if (known?.origin === origin) return known.line;
  const line = draw(summary, rows, origin);
  drawn.set(summary, { origin, line });
  return line;
}

function draw(summary: NodeSummary, rows: () => readonly NodeRow[], origin: number): Line {
  const many = summary.inLoop || summary.rows > 1;
  return {
    bars: summary.rows <= SINGLE_BARS ? singleBars(rows(), origin) : span(summary, rows, origin),
    waited: many ? null : waiting(rows()[0], origin),
    items: many ? itemWords(summary) : "",
    failed: many ? summary.by.failed : 0,
    reason: summary.status === "skipped" ? failureText(summary.error) : "",
    attempts: summary.attempts,
  };
}

function singleBars(rows: readonly NodeRow[], origin: number): Bar[] {
  return [...rows].sort(compareRows).flatMap((row) => {
    const start = instant(row.started_at);
    if (start === null) return [];
    return [
      { id: row.id, start: start - origin, end: since(row.ended_at, origin), status: row.status, handled: row.handled },
    ];
  });
}

/** Failures are marked inside the bar, which has the colour of the others: one in ten thousand is not all of them. */
function span(summary: NodeSummary, rows: () => readonly NodeRow[], origin: number): Bar[] {
  const start = since(summary.startedAt, origin);
  if (start === null) return [];
  const active = activeRows(summary) > 0;
  const status = active ? "running" : summary.by.completed > 0 ? "completed" : summary.status;
  const end = active ? null : since(summary.endedAt, origin);
  // Looking at every row is for the end, not for each change.
  const failures = active || summary.by.failed === 0 ? [] : failureTimes(rows(), origin);
  return [{ id: "span", start, end, status, handled: summary.handled, failures }];
}

/** More marks than this could not be told apart. */
const MOST_MARKS = 100;

function failureTimes(rows: readonly NodeRow[], origin: number): number[] {
  const failed = rows.filter((row) => row.status === "failed");
  const step = Math.max(1, Math.ceil(failed.length / MOST_MARKS));
  return failed.filter((_, index) => index % step === 0).flatMap((row) => since(row.ended_at, origin) ?? []);
}

function activeRows({ by }: NodeSummary): number {
  return by.queued + by.running + by.waiting;
}

function waiting(row: NodeRow | undefined, origin: number): Line["waited"] {
  const start = since(row?.queued_at, origin);
  if (row === undefined || start === null || row.status === "skipped") return null;
  const end = since(row.started_at ?? row.ended_at, origin);
  return end !== null && end - start < SHORT_WAIT ? null : { start, end };
}

function since(iso: string | null | undefined, origin: number): number | null {
  const at = instant(iso);
  return at === null ? null : at - origin;
}

function itemWords(summary: NodeSummary): string {
  const active = activeRows(summary);
  const all = count(summary.rows, summary.inLoop ? "item" : "run");
  return active === 0 ? all : `${(summary.rows - active).toLocaleString("en")} of ${all}`;
}

/** When the run began, in milliseconds since the epoch. */
export function originOf(execution: Pick<Execution, "created_at" | "started_at">): number {
  return instant(execution.started_at ?? execution.created_at);
}

/** Milliseconds that the run took; until `now` while it goes on. */
export function lengthOf(execution: Pick<Execution, "created_at" | "started_at" | "ended_at">, now: number): number {
  return Math.max(0, (instant(execution.ended_at) ?? now) - originOf(execution));
}

export interface Tick {
  readonly at: number;
  readonly label: string;
}

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** Steps between ticks that people can read at a glance. */
const STEPS = [
  ...[1, 2, 5, 10, 20, 50, 100, 200, 500],
  ...[1, 2, 5, 10, 15, 30].map((n) => n * SECOND),
  ...[1, 2, 5, 10, 15, 30].map((n) => n * MINUTE),
  ...[1, 2, 3, 6, 12].map((n) => n * HOUR),
  ...[1, 2, 7, 14, 30, 90, 365].map((n) => n * DAY),
];

/** Round times from 0 to `length`, at most `most` of them after the zero. */
export function ticks(length: number, most: number): Tick[] {
  const step =
    STEPS.find((candidate) => length / candidate <= most) ?? DAY * 365 * Math.ceil(length / (DAY * 365) / most);
  const marks: Tick[] = [];
  for (let k = 0; k * step <= length; k += 1) marks.push({ at: k * step, label: tickLabel(k * step, step) });
  return marks;
}

function tickLabel(at: number, step: number): string {
  if (step < SECOND) return at < SECOND ? `${at} ms` : `${Number((at / SECOND).toFixed(3))} s`;
  if (step < MINUTE && at < MINUTE) return `${at / SECOND} s`;
  if (step < HOUR && at < HOUR) return step < MINUTE ? twoParts(at, MINUTE, SECOND) : `${at / MINUTE} min`;
  if (step < DAY) return at < DAY ? twoParts(at, HOUR, MINUTE) : `${Number((at / HOUR).toFixed(2))} h`;
  return `${at / DAY} d`;
}

/** `2:05` of minutes and seconds, `3:30` of hours and minutes. */
function twoParts(at: number, large: number, small: number): string {
  const rest = Math.floor((at % large) / small);
  const text = `${Math.floor(at / large)}:${String(rest).padStart(2, "0")}`;
  return large === HOUR ? `${text} h` : `${text} min`;
}

/** Maps milliseconds since the start to pixels. */
export interface Scale {
  readonly length: number;
  readonly width: number;
}

/** A finished run fills the width; a growing one has room ahead, so that bars grow and the scale moves only now and then. */
export function scaleOf(length: number, width: number, growing: boolean): Scale {
  if (!growing) return { length: Math.max(length, 1), width };
  const wanted = Math.max(length * 1.1, SECOND);
  const step = STEPS.find((candidate) => candidate * 8 >= wanted) ?? DAY * 365;
  return { length: Math.ceil(wanted / step) * step, width };
}

export function xOf(scale: Scale, at: number): number {
  return (Math.min(Math.max(at, 0), scale.length) / scale.length) * scale.width;
}

/** Where a line's last bar ends. */
export function endOf(line: Line, now: number): number {
  return line.bars.reduce((last, bar) => Math.max(last, bar.end ?? now), line.waited ? (line.waited.end ?? now) : 0);
}

/** Words after the last bar: items, time, attempts. */
export function lineLabel(line: Line, now: number): string {
  const [first] = line.bars;
  if (first === undefined) return line.items;
  const start = line.bars.reduce((least, bar) => Math.min(least, bar.start), first.start);
  const end = line.bars.reduce((last, bar) => Math.max(last, bar.end ?? now), 0);
  const attempts = line.items === "" && line.attempts > 1 ? count(line.attempts, "attempt") : "";
  return [line.items, duration(end - start), attempts].filter((part) => part !== "").join(", ");
}
