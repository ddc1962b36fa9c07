import { expect, test } from "vitest";

import { smallSpec } from "../testing/store";
import { changesBetween, changeWords } from "./changes";
import type { GraphSpec } from "./types";

const words = (after: GraphSpec): string => changeWords(changesBetween(smallSpec, after));

test("a moved or reordered graph is the same, and so are written defaults", () => {
  const nodes = smallSpec.nodes
    .toReversed()
    .map((node) => ({ ...node, title: "", policy: {}, join: "match" as const }));
  expect(words({ ...smallSpec, nodes, layout: { split: [5, 5] }, annotations: [] })).toBe("");
});

test("added, changed and removed nodes and links are counted", () => {
  const kept = smallSpec.nodes.slice(0, 1).map((node) => ({ ...node, title: "Cut" }));
  const changed = {
    ...smallSpec,
    links: [],
    nodes: [...kept, { key: "new", block: "x", config: {} }],
  };
  expect(words(changed)).toBe("1 node added, 1 node changed, 1 node removed, 1 link changed");
});

test("keys of settings in another order change nothing", () => {
  const ordered = { ...smallSpec, limits: { depth: 2, seconds: 1 } };
  expect(changeWords(changesBetween(ordered, { ...smallSpec, limits: { seconds: 1, depth: 2 } }))).toBe("");
  expect(words(ordered)).toBe("name, description or limits changed");
});
