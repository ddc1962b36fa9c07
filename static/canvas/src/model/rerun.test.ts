import { expect, test } from "vitest";

import { nodeRow } from "../testing/store";
import { EMPTY_SPEC } from "./graph";
import { reachable, refusedRepeats, repeats, retryBody, type RetryChoice } from "./rerun";
import type { GraphSpec, NodeRow } from "./types";

/** `read -> pay -> tell`, and `pay` must happen once. */
const spec: GraphSpec = {
  ...EMPTY_SPEC,
  nodes: ["read", "pay", "tell"].map((key) => ({ key, block: key, config: {} })),
  links: [
    { source: "read", source_port: "value", sink: "pay", sink_port: "value" },
    { source: "pay", source_port: "value", sink: "tell", sink_port: "value" },
  ],
};
const paid = nodeRow("pay");

function again(choice: RetryChoice, row: NodeRow = paid): string[] {
  const effectOf = (block: string) => (block === "pay" ? "once" : "pure");
  return repeats(spec, effectOf, (key) => (key === "pay" ? [row] : []), choice);
}

test("behind and before include the nodes themselves", () => {
  expect([...reachable(spec, ["pay"], "behind")].sort()).toEqual(["pay", "tell"]);
  expect([...reachable(spec, ["pay"], "before")].sort()).toEqual(["pay", "read"]);
});

test.each<[RetryChoice, string[]]>([
  [{ from: ["read"] }, ["pay"]],
  [{ from: ["tell"] }, []],
  [{ to: ["tell"] }, []],
  [{ node: "pay", inputs: {} }, ["pay"]],
  [{ node: "tell", inputs: {} }, []],
  [{ failed: true }, []],
])("%j repeats %j", (choice, nodes) => {
  expect(again(choice)).toEqual(nodes);
});

test("what the block itself refused has not happened; a lost try may have", () => {
  const failed = nodeRow("pay", { status: "failed", error: { kind: "block" } });
  expect(again({ failed: true }, failed)).toEqual([]);
  expect(again({ failed: true }, { ...failed, error: { kind: "timeout" } })).toEqual(["pay"]);
  expect(again({ from: ["read"] }, nodeRow("pay", { status: "skipped", started_at: null }))).toEqual([]);
});

test("the body says what the choice says", () => {
  expect(retryBody({ failed: true }, false)).toEqual({});
  expect(retryBody({ to: ["pay"] }, true)).toEqual({ to: ["pay"], repeat_once: true });
});

test("a refusal for other reasons asks nothing", () => {
  const problem = { type: "", title: "", status: 422, detail: "", errors: [{ pointer: "#/from", detail: "No." }] };
  expect(refusedRepeats(problem)).toBeNull();
  const once = { pointer: "#/repeat_once", detail: "Again.", code: "repeats_once", node: "pay" };
  expect(refusedRepeats({ ...problem, errors: [once] })).toEqual([{ node: "pay", detail: "Again." }]);
});
