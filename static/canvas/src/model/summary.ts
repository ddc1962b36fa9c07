/** What all rows of one node add up to, kept up to date row by row. */

import type { Failure, NodeRow, NodeStatus, StreamedText } from "./types";

export interface NodeSummary {
  status: NodeStatus;
  /** The shown failure was taken care of by a link from the error port. */
  handled: boolean;
  rows: number;
  /** Rows that run over the items of a loop. */
  inLoop: boolean;
  by: Record<NodeStatus, number>;
  failedHandled: number;
  /** Rows whose results were taken over from an earlier run, and rows that gave pinned data. */
  reused: number;
  pinned: number;
  attempts: number;
  /** The most attempts of one run that ended with their worker. */
  interrupted: number;
  startedAt: string | null;
  endedAt: string | null;
  error: Failure | null;
  /** 0 to 1 while a running block tells it. */
  progress: number | null;
  progressText: string;
  /** Text as it comes: of the run that began to give some first, and still goes on. */
  stream: StreamedText | null;
}

export function emptySummary(): NodeSummary {
  return {
    status: "queued",
    handled: false,
    rows: 0,
    inLoop: false,
    by: { queued: 0, running: 0, waiting: 0, completed: 0, failed: 0, cancelled: 0, skipped: 0 },
    failedHandled: 0,
    reused: 0,
    pinned: 0,
    attempts: 0,
    interrupted: 0,
    startedAt: null,
    endedAt: null,
    error: null,
    progress: null,
    progressText: "",
    stream: null,
  };
}

/** The status a node shows: what needs a look first, then what is still going on, then how it ended. */
export function aggregate(by: Record<NodeStatus, number>, failedHandled: number): NodeStatus {
  if (by.failed > failedHandled) return "failed";
  if (by.running > 0) return "running";
  if (by.waiting > 0) return "waiting";
  if (by.queued > 0) return "queued";
  if (failedHandled > 0 && by.completed === 0) return "failed";
  if (by.completed > 0) return by.cancelled > 0 ? "cancelled" : "completed";
  if (by.cancelled > 0) return "cancelled";
  return "skipped";
}

/** It ended well, but some of its runs failed and a link took care of that. */
export function hasHandled(summary: NodeSummary): boolean {
  return summary.status === "completed" && summary.failedHandled > 0;
}

function earliest(a: string | null, b: string | null): string | null {
  if (a === null || b === null) return a ?? b;
  return a < b ? a : b;
}

function latest(a: string | null, b: string | null): string | null {
  if (a === null || b === null) return a ?? b;
  return a > b ? a : b;
}

/** Where the shown results come from when the node did not run for them. */
export function origin(summary: NodeSummary): "reused" | "pinned" | null {
  if (summary.rows === 0) return null;
  if (summary.pinned === summary.rows) return "pinned";
  return summary.reused === summary.rows ? "reused" : null;
}

function withRow(summary: NodeSummary, row: NodeRow, by: Record<NodeStatus, number>, handled: number): NodeSummary {
  const status = aggregate(by, handled);
  const active = status === "running";
  return {
    status,
    handled: status === "failed" && by.failed === handled,
    rows: summary.rows,
    inLoop: summary.inLoop || row.path.length > 0,
    by,
    failedHandled: handled,
    reused: summary.reused,
    pinned: summary.pinned,
    attempts: Math.max(summary.attempts, row.attempt),
    interrupted: Math.max(summary.interrupted, row.interrupted),
    startedAt: earliest(summary.startedAt, row.started_at),
    endedAt: latest(summary.endedAt, row.ended_at),
    error: row.error ?? (status === "failed" ? summary.error : null),
    progress: active ? summary.progress : null,
    progressText: active ? summary.progressText : "",
    stream: summary.stream,
  };
}

export function rowAdded(summary: NodeSummary, row: NodeRow): NodeSummary {
  const by = { ...summary.by, [row.status]: summary.by[row.status] + 1 };
  const handled = summary.failedHandled + (row.status === "failed" && row.handled ? 1 : 0);
  return {
    ...withRow(summary, row, by, handled),
    rows: summary.rows + 1,
    reused: summary.reused + Number(row.reused),
    pinned: summary.pinned + Number(row.pinned),
  };
}

/** Like `rowAdded` for a row that was there before; all rows are read only when the first start moved. */
export function rowReplaced(
  summary: NodeSummary,
  before: NodeRow,
  row: NodeRow,
  rows: ReadonlyMap<string, NodeRow>,
): NodeSummary {
  const by = { ...summary.by };
  by[before.status] -= 1;
  by[row.status] += 1;
  const was = before.status === "failed" && before.handled ? 1 : 0;
  const is = row.status === "failed" && row.handled ? 1 : 0;
  const next = {
    ...withRow(summary, row, by, summary.failedHandled - was + is),
    reused: summary.reused + Number(row.reused) - Number(before.reused),
    pinned: summary.pinned + Number(row.pinned) - Number(before.pinned),
  };
  if (before.started_at === row.started_at || before.started_at !== summary.startedAt) return next;
  let startedAt: string | null = null;
  for (const one of rows.values()) startedAt = earliest(startedAt, one.started_at);
  return { ...next, startedAt };
}
