import { beforeEach, expect, test, vi } from "vitest";

import { applyProgress, applyRows, clearLive, nodeRows, nodeSummary, subscribeNode } from "./live";
import { nodeRow } from "./testing/store";

beforeEach(clearLive);

const frame = () => new Promise((done) => requestAnimationFrame(done));

test("a thousand rows call a node's listener once a frame", async () => {
  await frame();
  const listener = vi.fn();
  const other = vi.fn();
  subscribeNode("a", listener);
  subscribeNode("b", other);
  for (let k = 0; k < 1000; k += 1) applyRows([nodeRow("a", { path: [k], seq: k + 1 })]);
  await frame();
  expect(listener).toHaveBeenCalledTimes(1);
  expect(other).not.toHaveBeenCalled();
  expect(nodeSummary("a")).toMatchObject({ rows: 1000, status: "completed" });
});

test("an older state of a row is dropped", () => {
  applyRows([nodeRow("a", { status: "completed", seq: 5 })]);
  applyRows([nodeRow("a", { status: "running", seq: 3 })]);
  expect(nodeSummary("a")?.status).toBe("completed");
});

test("the list of rows is the same array until one changes", () => {
  applyRows([nodeRow("a", { seq: 1 })]);
  const before = nodeRows("a");
  expect(nodeRows("a")).toBe(before);
  applyRows([nodeRow("a", { seq: 2 })]);
  expect(nodeRows("a")).not.toBe(before);
});

test("progress is shown while a node runs and gone when it ended", () => {
  applyRows([nodeRow("a", { status: "running", seq: 1 })]);
  applyProgress("a", 0.4, "page 4");
  expect(nodeSummary("a")).toMatchObject({ progress: 0.4, progressText: "page 4" });
  applyRows([nodeRow("a", { status: "completed", seq: 2 })]);
  expect(nodeSummary("a")?.progress).toBeNull();
});
