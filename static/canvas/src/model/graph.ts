/** Questions about a graph: its nodes, links, ports and names. */

import type { BlockDescription, GraphSpec, LinkSpec, NodePorts, NodeSpec, Port, Problem } from "./types";

export const ERROR_PORT: Port = {
  name: "error",
  title: "Error",
  description: "Carries the failure of this node, which then counts as handled.",
  kind: "value",
  schema: { type: "object" },
  required: false,
  default: null,
};

export const NO_PORTS: NodePorts = { inputs: [], outputs: [] };

export const EMPTY_SPEC: GraphSpec = {
  name: "",
  description: "",
  nodes: [],
  links: [],
  layout: {},
  annotations: [],
  limits: {},
};

/** One string per link, the same for equal links. */
export function linkId(link: LinkSpec): string {
  return JSON.stringify([link.source, link.source_port, link.sink, link.sink_port]);
}

/** The port that a link end reaches into: `values` of `values.name`. */
export function portRoot(port: string): string {
  const dot = port.indexOf(".");
  return dot < 0 ? port : port.slice(0, dot);
}

/** What a link end names inside its port: `name` of `values.name`, empty for a whole port. */
export function portMember(port: string): string {
  const dot = port.indexOf(".");
  return dot < 0 ? "" : port.slice(dot + 1);
}

export function findNode(spec: GraphSpec, key: string): NodeSpec | undefined {
  return spec.nodes.find((node) => node.key === key);
}

/** Links that end at `key`, at one port (members included) or at any. */
export function linksInto(spec: GraphSpec, key: string, port?: string): LinkSpec[] {
  return spec.links.filter((l) => l.sink === key && (port === undefined || portRoot(l.sink_port) === port));
}

/** Links that start at `key`, at one port (parts included) or at any. */
export function linksFrom(spec: GraphSpec, key: string, port?: string): LinkSpec[] {
  return spec.links.filter((l) => l.source === key && (port === undefined || portRoot(l.source_port) === port));
}

/** What people call a node: its own title, else its block's, else its key. */
export function nodeTitle(node: NodeSpec | undefined, block: BlockDescription | undefined): string {
  return node?.title || block?.title || node?.block || node?.key || "";
}

/** The block's ports, or none for an unknown block. */
export function blockPorts(block: BlockDescription | undefined): NodePorts {
  return block ? { inputs: block.inputs, outputs: block.outputs } : NO_PORTS;
}

export function findPort(ports: Port[], name: string): Port | undefined {
  const root = portRoot(name);
  return ports.find((port) => port.name === root);
}

/** A node key that is free in the graph, made from the block's id: `split`, `split_2`, … */
export function freshKey(taken: ReadonlySet<string>, block: string): string {
  const base =
    block
      .slice(block.lastIndexOf(".") + 1)
      .toLowerCase()
      .replace(/[^a-z0-9_]+/g, "_") || "node";
  if (!taken.has(base)) return base;
  let count = 2;
  while (taken.has(`${base}_${count}`)) count += 1;
  return `${base}_${count}`;
}

export function nodeKeys(spec: GraphSpec): Set<string> {
  return new Set(spec.nodes.map((node) => node.key));
}

/** Problems by node key; those of the graph itself under the empty key. */
export function problemsByNode(problems: readonly Problem[]): Map<string, Problem[]> {
  const result = new Map<string, Problem[]>();
  for (const problem of problems) {
    const list = result.get(problem.node);
    if (list) list.push(problem);
    else result.set(problem.node, [problem]);
  }
  return result;
}

/** Config field that a problem's pointer names, or empty: `#/nodes/3/config/url` -> `url`. */
export function problemField(problem: Problem): string {
  const match = /^#?\/nodes\/[^/]+\/(?:config|inputs)\/([^/]+)/.exec(problem.pointer);
  return match?.[1]?.replaceAll("~1", "/").replaceAll("~0", "~") ?? "";
}

/** Node keys in an order in which sources come before sinks; cycles end up in drawing order. */
export function topological(spec: GraphSpec): string[] {
  const waiting = new Map(spec.nodes.map((node) => [node.key, 0]));
  const next = new Map<string, string[]>();
  for (const link of spec.links) {
    if (link.source === link.sink || !waiting.has(link.source)) continue;
    waiting.set(link.sink, (waiting.get(link.sink) ?? 0) + 1);
    const sinks = next.get(link.source);
    if (sinks) sinks.push(link.sink);
    else next.set(link.source, [link.sink]);
  }
  const order: string[] = [];
  const done = new Set<string>();
  const ready = spec.nodes.filter((node) => waiting.get(node.key) === 0).map((node) => node.key);
  const visit = (start: string[]): void => {
    for (let key = start.shift(); key !== undefined; key = start.shift()) {
      if (done.has(key)) continue;
      done.add(key);
      order.push(key);
      for (const sink of next.get(key) ?? []) {
        const left = (waiting.get(sink) ?? 0) - 1;
        waiting.set(sink, left);
        if (left === 0) start.push(sink);
      }
    }
  };
  visit(ready);
  for (const node of spec.nodes) if (!done.has(node.key)) visit([node.key]);
  return order;
}
