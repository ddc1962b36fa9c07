import { expect, test } from "vitest";

import { nodeRow } from "../testing/store";
import { aggregate, emptySummary, origin, rowAdded, rowReplaced } from "./summary";
import type { NodeRow, NodeStatus } from "./types";

const none: Record<NodeStatus, number> = {
  queued: 0,
  running: 0,
  waiting: 0,
  completed: 0,
  failed: 0,
  cancelled: 0,
  skipped: 0,
};

test.each([
  [{ failed: 1, running: 1 }, 0, "failed"],
  [{ failed: 1, running: 1 }, 1, "running"],
  [{ completed: 3, queued: 1 }, 0, "queued"],
  [{ completed: 3, failed: 1 }, 1, "completed"],
  [{ failed: 1 }, 1, "failed"],
  [{ completed: 2, cancelled: 1 }, 0, "cancelled"],
  [{ skipped: 1 }, 0, "skipped"],
] as const)("%j with %i handled is %s", (by, handled, status) => {
  expect(aggregate({ ...none, ...by }, handled)).toBe(status);
});

test("rows that change are counted once", () => {
  const rows = new Map<string, NodeRow>();
  const running = nodeRow("a", { path: [0], status: "running", ended_at: null });
  rows.set(running.id, running);
  let summary = rowAdded(emptySummary(), running);
  expect(summary).toMatchObject({ status: "running", rows: 1, inLoop: true });
  const done = { ...running, status: "completed" as const, seq: 2, ended_at: "2026-11-23T10:00:01Z" };
  rows.set(done.id, done);
  summary = rowReplaced(summary, running, done, rows);
  expect(summary).toMatchObject({ status: "completed", rows: 1, endedAt: "2026-11-23T10:00:01Z" });
  expect(summary.by).toMatchObject({ running: 0, completed: 1 });
});

test("a node is called reused when none of its rows ran", () => {
  const one = rowAdded(emptySummary(), nodeRow("a", { path: [0], reused: true }));
  expect(origin(one)).toBe("reused");
  expect(origin(rowAdded(one, nodeRow("a", { path: [1] })))).toBeNull();
  expect(origin(rowAdded(emptySummary(), nodeRow("a", { pinned: true })))).toBe("pinned");
});
