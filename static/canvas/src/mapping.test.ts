import { expect, test } from "vitest";

import { createConverter, fromConnection, fromEdge, fromSelection, noteId, type FlowContext } from "./mapping";
import type { GraphSpec } from "./model/types";
import { join, smallSpec, split } from "./testing/store";

const context: FlowContext = {
  titleOf: (node) => node.title ?? node.key,
  portsOf: (node) => (node.block === "text.split" ? split : node.block === "text.join" ? join : undefined),
  expanded: [],
  selection: { nodes: [], links: [], notes: [] },
  dragged: {},
  problems: new Map(),
  broken: new Set(),
  readOnly: false,
};

const spec: GraphSpec = {
  ...smallSpec,
  nodes: [...smallSpec.nodes, { key: "odd", block: "gone.block", config: {} }],
  links: [
    ...smallSpec.links,
    { source: "split", source_port: "parts.0", sink: "join", sink_port: "separator" },
    { source: "split", source_port: "part", sink: "join", sink_port: "items.2" },
    { source: "split", source_port: "error", sink: "odd", sink_port: "in" },
  ],
  layout: { ...smallSpec.layout, odd: [5, 400] },
  annotations: [{ kind: "note", text: "Hi", at: [1, 2, 100, 50] }],
};

test("links go there and come back the same", () => {
  expect(createConverter().toEdges(spec, context).map(fromEdge)).toEqual(spec.links);
});

test("every link's ends are ports of their nodes", () => {
  const converter = createConverter();
  const handles = new Map(
    converter
      .toNodes(spec, context)
      .map((node) => [node.id, new Set(node.handles?.map((one) => `${one.type} ${one.id ?? ""}`))]),
  );
  for (const edge of converter.toEdges(spec, context)) {
    expect(handles.get(edge.source)).toContain(`source ${edge.sourceHandle ?? ""}`);
    expect(handles.get(edge.target)).toContain(`target ${edge.targetHandle ?? ""}`);
  }
});

test("places and selection go there and come back the same", () => {
  const chosen = { ...context, selection: { nodes: ["join"], links: [], notes: [0] } };
  const nodes = createConverter().toNodes(spec, chosen);
  const layout = Object.fromEntries(
    nodes.flatMap((one) => (one.type === "block" ? [[one.id, [one.position.x, one.position.y]]] : [])),
  );
  expect(layout).toEqual(spec.layout);
  expect(fromSelection(nodes.filter((one) => one.selected).map((one) => one.id))).toEqual({
    nodes: ["join"],
    notes: [0],
  });
});

test("an unknown block is drawn as a placeholder with its linked ports", () => {
  const odd = createConverter()
    .toNodes(spec, context)
    .find((one) => one.id === "odd");
  expect(odd?.data).toMatchObject({ unknown: true });
  expect(odd?.handles?.some((handle) => handle.id === "in")).toBe(true);
});

test("what did not change is the same object again", () => {
  const converter = createConverter();
  const before = converter.toNodes(spec, context);
  const after = converter.toNodes(spec, { ...context, dragged: { join: [10, 10] } });
  const find = (nodes: typeof before, id: string) => nodes.find((one) => one.id === id);
  expect(find(after, "split")).toBe(find(before, "split"));
  expect(find(after, "join")).not.toBe(find(before, "join"));
  expect(find(after, "join")?.data).toBe(find(before, "join")?.data);
});

test("a drawn connection is a link", () => {
  const connection = { source: "a", sourceHandle: "x", target: "b", targetHandle: "y" };
  expect(fromConnection(connection)).toEqual({ source: "a", source_port: "x", sink: "b", sink_port: "y" });
  expect(fromConnection({ ...connection, sourceHandle: null })).toBeNull();
});

test("note ids are no node keys", () => {
  expect(fromSelection([noteId(3), "split"])).toEqual({ nodes: ["split"], notes: [3] });
});
