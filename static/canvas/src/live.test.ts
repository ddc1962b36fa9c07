import { beforeEach, expect, test, vi } from "vitest";

import { applyRows, applyTransient, clearLive, nodeRows, nodeStream, nodeSummary, subscribeNode } from "./live";
import type { Transient } from "./model/types";
import { nodeRow } from "./testing/store";

beforeEach(clearLive);

const news = (more: Partial<Transient> = {}): Transient => ({
  type: "transient",
  node: "a",
  path: [],
  progress: null,
  text: "",
  ...more,
});
const streamed = (text: string, path: number[] = []): Transient =>
  news({ path, stream: { port: "text", text, cut: false } });

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
  applyTransient(news({ progress: 0.4, text: "page 4" }));
  expect(nodeSummary("a")).toMatchObject({ progress: 0.4, progressText: "page 4" });
  applyRows([nodeRow("a", { status: "completed", seq: 2 })]);
  expect(nodeSummary("a")?.progress).toBeNull();
});

test("streamed text grows while a node runs and is gone when it ended", () => {
  applyRows([nodeRow("a", { status: "running", seq: 1 })]);
  applyTransient(streamed("Hel"));
  applyTransient(streamed("Hello"));
  expect(nodeSummary("a")?.stream?.text).toBe("Hello");
  expect(nodeStream("a", [])?.text).toBe("Hello");
  applyRows([nodeRow("a", { status: "completed", seq: 2 })]);
  expect(nodeSummary("a")?.stream).toBeNull();
});

test("text that comes after the result is not shown", () => {
  applyRows([nodeRow("a", { path: [0], status: "completed", seq: 1 }), nodeRow("a", { path: [1], status: "running" })]);
  applyTransient(streamed("late", [0]));
  expect(nodeSummary("a")?.stream).toBeNull();
});

test("of several items the node shows the one that began first, until it has ended", () => {
  applyRows([0, 1].map((k) => nodeRow("a", { path: [k], status: "running", seq: k + 1 })));
  applyTransient(streamed("one", [1]));
  applyTransient(streamed("zero", [0]));
  expect(nodeSummary("a")?.stream?.text).toBe("one");
  applyRows([nodeRow("a", { path: [1], status: "completed", seq: 3 })]);
  expect(nodeSummary("a")?.stream?.text).toBe("zero");
  expect(nodeStream("a", [1])).toBeNull();
});

test("a new attempt begins without the text of the one before", () => {
  applyRows([nodeRow("a", { status: "running", seq: 1 })]);
  applyTransient(streamed("half an ans"));
  applyRows([nodeRow("a", { status: "running", attempt: 2, seq: 2 })]);
  expect(nodeSummary("a")?.stream).toBeNull();
});
