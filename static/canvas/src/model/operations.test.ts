import { describe, expect, test } from "vitest";

import { EMPTY_SPEC } from "./graph";
import { apply, compact, invert } from "./operations";
import type { GraphSpec, LinkSpec, Operation } from "./types";

const link = (source: string, sink: string): LinkSpec => ({ source, source_port: "out", sink, sink_port: "in" });

const graph: GraphSpec = {
  ...EMPTY_SPEC,
  name: "G",
  nodes: [
    { key: "a", block: "core.value", config: { value: 1 }, title: "A", policy: { retries: 2 }, join: "match" },
    { key: "b", block: "core.value", config: {} },
    { key: "c", block: "core.value", config: {} },
  ],
  links: [link("a", "b"), link("b", "c")],
  layout: { a: [0, 0], b: [200, 0], c: [400, 0] },
};

/** Equal but for the order of nodes and links, which undoing a removal cannot bring back. */
function normal(spec: GraphSpec): unknown {
  return {
    ...spec,
    nodes: spec.nodes.toSorted((x, y) => x.key.localeCompare(y.key)),
    links: spec.links.map((one) => JSON.stringify(one)).toSorted(),
  };
}

const each: Operation[] = [
  { op: "add_node", node: { key: "d", block: "core.log", config: {} }, at: [1, 2] },
  { op: "remove_node", key: "b" },
  { op: "set_config", key: "a", name: "value", value: 2 },
  { op: "set_config", key: "a", name: "other", value: null },
  { op: "unset_config", key: "a", name: "value" },
  { op: "set_title", key: "a", title: "Z" },
  { op: "set_policy", key: "a", name: "retries", value: 5 },
  { op: "set_join", key: "a", join: "zip" },
  { op: "move", key: "a", at: [9, 9] },
  { op: "add_link", link: link("a", "c") },
  { op: "remove_link", link: link("a", "b") },
  { op: "set_graph", name: "name", value: "H" },
];

describe("apply and invert", () => {
  test.each(each)("$op is taken back", (operation) => {
    const after = apply(graph, [operation]);
    expect(normal(after)).not.toEqual(normal(graph));
    expect(normal(apply(after, invert(graph, [operation])))).toEqual(normal(graph));
  });

  test("many operations are taken back together", () => {
    const after = apply(graph, each);
    expect(normal(apply(after, invert(graph, each)))).toEqual(normal(graph));
  });

  test("removing two linked nodes and undoing brings their links back", () => {
    const removals: Operation[] = [
      { op: "remove_node", key: "a" },
      { op: "remove_node", key: "b" },
    ];
    const after = apply(graph, removals);
    expect(after.links).toEqual([]);
    expect(normal(apply(after, invert(graph, removals)))).toEqual(normal(graph));
  });

  test("operations on what is gone change nothing", () => {
    const gone: Operation[] = [
      { op: "set_config", key: "x", name: "value", value: 1 },
      { op: "move", key: "x", at: [1, 1] },
      { op: "remove_node", key: "x" },
      { op: "add_link", link: link("a", "x") },
      { op: "remove_link", link: link("c", "a") },
    ];
    expect(apply(graph, gone)).toEqual(graph);
    expect(invert(graph, gone)).toEqual([]);
  });

  test("adding what is there already changes nothing", () => {
    expect(apply(graph, [{ op: "add_link", link: link("a", "b") }])).toBe(graph);
  });
});

describe("compact", () => {
  test("keeps the last of several settings", () => {
    const typed = ["h", "he", "hey"].map((value): Operation => ({ op: "set_config", key: "a", name: "value", value }));
    expect(compact(typed)).toEqual([{ op: "set_config", key: "a", name: "value", value: "hey" }]);
  });

  test("gives the same graph in fewer operations", () => {
    const operations: Operation[] = [
      { op: "move", key: "a", at: [1, 1] },
      { op: "remove_node", key: "b" },
      { op: "add_node", node: { key: "b", block: "core.log", config: {} }, at: [5, 5] },
      { op: "move", key: "b", at: [6, 6] },
      { op: "set_title", key: "a", title: "One" },
      { op: "move", key: "b", at: [7, 7] },
      { op: "set_title", key: "a", title: "Two" },
    ];
    expect(compact(operations)).toHaveLength(5);
    expect(apply(graph, compact(operations))).toEqual(apply(graph, operations));
  });
});

test("limits are changed one by one, and null is the default again", () => {
  const limit = (value: Record<string, number | null>): Operation => ({ op: "set_graph", name: "limits", value });
  const limited = apply(graph, [limit({ laps: 5 }), limit({ items: 10 })]);
  expect(limited.limits).toEqual({ laps: 5, items: 10 });
  const change = [limit({ laps: null, items: 20 })];
  expect(apply(limited, change).limits).toEqual({ items: 20 });
  expect(apply(apply(limited, change), invert(limited, change)).limits).toEqual(limited.limits);
  expect(compact([limit({ laps: 5 }), limit({ items: 1 }), limit({ items: 2 })])).toEqual([
    limit({ laps: 5 }),
    limit({ items: 2 }),
  ]);
});
