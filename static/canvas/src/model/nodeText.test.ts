import { expect, test } from "vitest";

import { nodeRow } from "../testing/store";
import { footerText } from "./nodeText";
import { emptySummary, rowAdded } from "./summary";

const waiting = nodeRow("a", { status: "waiting", ended_at: null });

test("one waiting run says what it waits for", () => {
  const summary = rowAdded(emptySummary(), waiting);
  expect(footerText(summary, 0, "waits for a decision")).toEqual({ word: "Waits for a decision", facts: "" });
});

test("of a loop it says how many are over", () => {
  let summary = rowAdded(emptySummary(), { ...waiting, path: [0] });
  summary = rowAdded(summary, nodeRow("a", { path: [1] }));
  expect(footerText(summary, 0, "waits for a decision")).toEqual({ word: "Waiting", facts: "1 of 2 items" });
});

test("items that failed and were handled are told where the time would be", () => {
  const good = nodeRow("a", { path: [0], status: "completed" });
  const bad = nodeRow("a", { path: [1], status: "failed", handled: true });
  const summary = [good, bad].reduce(rowAdded, emptySummary());
  expect(footerText(summary, 0)).toEqual({ word: "Done", facts: "2 items, 1 handled" });
});
