import { expect, test } from "vitest";

import { seeded, shuffled } from "../testing/random";
import { execution, nodeRow } from "../testing/store";
import {
  failureAdvice,
  instant,
  itemName,
  outputsByPort,
  rowsInOrder,
  rowTime,
  runNotes,
  statusWord,
  story,
  tellingRow,
} from "./run";
import type { NodeRow } from "./types";

test("times keep their microseconds", () => {
  expect(instant("2026-11-23T10:00:00.000250Z") - instant("2026-11-23T10:00:00Z")).toBeCloseTo(0.25, 3);
});

test("rows are in item order, compared number by number", () => {
  const paths = [[], [0], [2], [2, 0], [2, 10], [10]];
  const random = seeded(3);
  for (let k = 0; k < 50; k += 1) {
    const rows = shuffled(random, paths).map((path) => nodeRow("a", { path }));
    expect(rowsInOrder(rows).map((row) => row.path)).toEqual(paths);
  }
});

test("laps follow each other at one path", () => {
  const rows = [2, 0, 1].map((ordinal) => nodeRow("a", { ordinal }));
  expect(rowsInOrder(rows).map((row) => row.ordinal)).toEqual([0, 1, 2]);
});

test("only failed rows when asked", () => {
  const rows = [nodeRow("a", { path: [0] }), nodeRow("a", { path: [1], status: "failed" })];
  expect(rowsInOrder(rows, true).map((row) => row.path)).toEqual([[1]]);
});

test("an unhandled failure is shown first", () => {
  const rows = [
    nodeRow("a", { path: [0] }),
    nodeRow("a", { path: [1], status: "failed", handled: true }),
    nodeRow("a", { path: [2], status: "failed" }),
  ];
  expect(tellingRow(rows)?.path).toEqual([2]);
});

test.each<[number[], number, string]>([
  [[], 0, "Run 1"],
  [[], 2, "Run 3"],
  [[2], 0, "Item 3"],
  [[2, 0], 0, "Item 3 › 1"],
  [[2], 1, "Item 3, run 2"],
])("path %j, ordinal %i is called %s", (path, ordinal, name) => {
  expect(itemName({ path, ordinal })).toBe(name);
});

test("a running row's time grows until now", () => {
  const row = { started_at: "2026-11-23T10:00:00Z", ended_at: null };
  expect(rowTime(row, Date.parse("2026-11-23T10:00:02Z"))).toBe(2000);
});

test("a handled failure is told from a failure by its word", () => {
  expect([statusWord("failed"), statusWord("failed", true)]).toEqual(["Failed", "Failed, handled"]);
});

test("advice fits the kind of failure", () => {
  expect(failureAdvice({ kind: "timeout" }, false)).toContain("more time");
  expect(failureAdvice({ kind: "timeout" }, true)).toContain("went on");
});

test("values are grouped by port in order of their first value", () => {
  const outputs = ["item", "count", "item"].map((port, index) => ({ index, port, value: index }));
  expect([...outputsByPort(outputs)].map(([port, values]) => [port, values.length])).toEqual([
    ["item", 2],
    ["count", 1],
  ]);
});

function told(rows: NodeRow[]): string[] {
  return story(rows, []).map((line) => `${line.node} ${line.text}`);
}

test("a row that ran tells its start and its end", () => {
  expect(told([nodeRow("a")])).toEqual(["a started", "a done in 100 ms"]);
});

test("a failed row tells why, a skipped one has one line", () => {
  const failed = nodeRow("a", { status: "failed", error: { message: "No route" }, started_at: null });
  const skipped = nodeRow("b", {
    status: "skipped",
    error: { message: "“text” stayed empty" },
    started_at: null,
    ended_at: "2026-11-23T10:00:09Z",
  });
  expect(told([skipped, failed])).toEqual(["a failed: No route", "b skipped: “text” stayed empty"]);
});

test("the story is in order of time whatever the order of rows", () => {
  const random = seeded(4);
  const rows = Array.from({ length: 40 }, (_, k) =>
    nodeRow("a", {
      id: String(k),
      seq: k,
      started_at: `2026-11-23T10:00:${String(k).padStart(2, "0")}Z`,
      ended_at: null,
      status: "running",
    }),
  );
  const expected = rows.map((row) => row.id);
  expect(story(shuffled(random, rows), []).map((line) => line.row?.id)).toEqual(expected);
});

test("a lost worker is trouble, a start is not", () => {
  const notes = [
    { at: "2026-11-23T10:00:01Z", kind: "worker_lost", text: "Worker a was lost" },
    { at: "2026-11-23T10:00:09Z", kind: "resumed", text: "Resumed on worker b" },
    ...runNotes(execution()),
  ];
  expect(story([], notes).map((line) => [line.kind, line.text])).toEqual([
    ["note", "Asked for by manual"],
    ["note", "Run started"],
    ["trouble", "Worker a was lost"],
    ["recovered", "Resumed on worker b"],
  ]);
});

test("the end of a run says why it failed", () => {
  const over = execution({ status: "failed", ended_at: "2026-11-23T10:01:00Z", error: { detail: "Fetch failed" } });
  expect(runNotes(over).at(-1)?.text).toBe("Run failed: Fetch failed");
});
