import { expect, test } from "vitest";

import { seeded } from "../testing/random";
import { execution, nodeRow } from "../testing/store";
import { emptySummary, rowAdded } from "./summary";
import { endOf, lengthOf, lineLabel, lineOf, originOf, scaleOf, ticks, xOf } from "./timeline";
import type { NodeRow } from "./types";

const ORIGIN = Date.parse("2026-11-23T10:00:00.100Z");

function lineFor(rows: NodeRow[]) {
  const summary = rows.reduce(rowAdded, emptySummary());
  return lineOf(summary, () => rows, ORIGIN);
}

test("one run is one bar from its start to its end", () => {
  const [bar] = lineFor([nodeRow("a")]).bars;
  expect(bar).toMatchObject({ start: 100, end: 200, status: "completed" });
});

test("a running bar has no end and grows to now", () => {
  const line = lineFor([nodeRow("a", { status: "running", ended_at: null })]);
  expect([line.bars[0]?.end, endOf(line, 900)]).toEqual([null, 900]);
});

test("a big loop is one span with its items", () => {
  const rows = Array.from({ length: 1000 }, (_, k) => nodeRow("a", { id: String(k), path: [k] }));
  const line = lineFor(rows);
  expect(line.bars).toHaveLength(1);
  expect(lineLabel(line, 0)).toBe("1,000 items, 100 ms");
});

test("one failed item of a big loop is a mark, not the colour of all", () => {
  const rows = Array.from({ length: 1000 }, (_, k) =>
    nodeRow("a", { id: String(k), path: [k], ...(k === 500 ? { status: "failed" as const } : {}) }),
  );
  const [bar] = lineFor(rows).bars;
  expect([bar?.status, bar?.failures]).toEqual(["completed", [200]]);
});

test("items still to come are told apart", () => {
  const rows = [
    nodeRow("a", { path: [0] }),
    nodeRow("a", { path: [1], status: "queued", started_at: null, ended_at: null }),
  ];
  expect(lineFor(rows).items).toBe("1 of 2 items");
});

test("failed items are counted", () => {
  const rows = [nodeRow("a", { path: [0] }), nodeRow("a", { path: [1], status: "failed" })];
  expect(lineFor(rows).failed).toBe(1);
});

test("a skipped node has its reason and no bar", () => {
  const line = lineFor([
    nodeRow("a", { status: "skipped", started_at: null, error: { message: "“when” stayed empty" } }),
  ]);
  expect([line.bars.length, line.reason]).toEqual([0, "“when” stayed empty"]);
});

test("a long wait in the queue is shown, a short one is not", () => {
  const long = nodeRow("a", { started_at: "2026-11-23T10:00:02Z", ended_at: "2026-11-23T10:00:03Z" });
  expect(lineFor([long]).waited).toEqual({ start: 0, end: 1900 });
  expect(lineFor([nodeRow("a", { started_at: "2026-11-23T10:00:00.110Z" })]).waited).toBeNull();
});

test("attempts are named", () => {
  expect(lineLabel(lineFor([nodeRow("a", { attempt: 3 })]), 0)).toBe("100 ms, 3 attempts");
});

test("a line is drawn once for each change", () => {
  const rows = [nodeRow("a")];
  const summary = rows.reduce(rowAdded, emptySummary());
  const read = () => rows;
  expect(lineOf(summary, read, ORIGIN)).toBe(lineOf(summary, read, ORIGIN));
});

test("ticks are round, ascending, few and begin at zero", () => {
  const random = seeded(5);
  for (let k = 0; k < 300; k += 1) {
    const length = 2 ** (random(3400) / 100);
    const most = 2 + random(20);
    const marks = ticks(length, most);
    expect(marks[0]?.at).toBe(0);
    expect(marks.length).toBeLessThanOrEqual(most + 1);
    expect(new Set(marks.map((mark) => mark.label)).size).toBe(marks.length);
  }
});

test.each([
  [9_000, 9, ["0 s", "1 s", "2 s"]],
  [100, 5, ["0 ms", "20 ms", "40 ms"]],
  [180_000, 6, ["0 s", "30 s", "1:00 min"]],
  [7_200_000, 4, ["0 min", "30 min", "1:00 h"]],
])("%i ms has ticks of one unit", (length, most, labels) => {
  expect(
    ticks(length, most)
      .slice(0, 3)
      .map((mark) => mark.label),
  ).toEqual(labels);
});

test("a finished run fills the width, a growing one has room", () => {
  expect(xOf(scaleOf(5000, 500, false), 5000)).toBe(500);
  expect(xOf(scaleOf(5000, 500, true), 5000)).toBeLessThan(500);
});

test("the scale of a growing run stays while there is room", () => {
  expect(scaleOf(5000, 500, true).length).toBe(scaleOf(5010, 500, true).length);
});

test("a run is measured from its start, before that from its creation", () => {
  expect(originOf(execution())).toBe(Date.parse("2026-11-23T10:00:00.100Z"));
  expect(originOf(execution({ started_at: null }))).toBe(Date.parse("2026-11-23T10:00:00Z"));
  expect(lengthOf(execution({ ended_at: "2026-11-23T10:00:01.100Z" }), 0)).toBe(1000);
});
