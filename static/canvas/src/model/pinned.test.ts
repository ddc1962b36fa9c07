import { expect, test } from "vitest";

import { port, smallSpec, split } from "../testing/store";
import { apply, invert } from "./operations";
import { pinnedOf, samplePin } from "./pinned";

const outputs = [
  { index: 0, port: "part", value: "a" },
  { index: 1, port: "parts", value: ["a", "b"] },
  { index: 2, port: "part", value: "b" },
  { index: 3, port: "error", value: { message: "No" } },
];

test("items of a stream become a list, a failure is left out", () => {
  expect(pinnedOf(outputs, split.outputs)).toEqual({ part: ["a", "b"], parts: ["a", "b"] });
});

test("without a run the block's example is the beginning", () => {
  const block = { ...split, examples: [{ title: "", input: {}, output: { parts: ["x"] } }] };
  expect(samplePin(block, split.outputs)).toEqual({ parts: ["x"], part: [] });
  expect(samplePin(undefined, [port("text")])).toEqual({ text: null });
});

test("pinning is taken back as a whole", () => {
  const pinning = [{ op: "set_pinned" as const, key: "split", pinned: { parts: [1] } }];
  const pinned = apply(smallSpec, pinning);
  expect(pinned.nodes[0]?.pinned).toEqual({ parts: [1] });
  expect(apply(pinned, invert(smallSpec, pinning))).toEqual(smallSpec);
});
