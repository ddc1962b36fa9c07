/** Nodes as text: copied from one graph, pasted into another. */

import { freshKey, nodeKeys } from "./graph";
import type { At, GraphSpec, LinkSpec, NodeSpec, Operation } from "./types";

const MARK = "agentflow/nodes";

interface Envelope {
  nodes: NodeSpec[];
  links: LinkSpec[];
  layout: Record<string, At>;
}

/** The chosen nodes and the links between them; links to the outside are left out. */
export function copy(spec: GraphSpec, keys: readonly string[]): string | null {
  const chosen = new Set(keys);
  const nodes = spec.nodes.filter((node) => chosen.has(node.key));
  if (nodes.length === 0) return null;
  const links = spec.links.filter((link) => chosen.has(link.source) && chosen.has(link.sink));
  const layout = Object.fromEntries(nodes.map((node) => [node.key, spec.layout[node.key] ?? [0, 0]]));
  return JSON.stringify({ [MARK]: 1, nodes, links, layout }, null, 1);
}

function isNode(value: unknown): value is NodeSpec {
  if (typeof value !== "object" || value === null) return false;
  const node = value as Partial<NodeSpec>;
  return typeof node.key === "string" && typeof node.block === "string" && typeof node.config === "object";
}

function isLink(value: unknown): value is LinkSpec {
  if (typeof value !== "object" || value === null) return false;
  const link = value as Partial<LinkSpec>;
  return [link.source, link.source_port, link.sink, link.sink_port].every((one) => typeof one === "string");
}

/** What a text holds, or null when it is no copy of nodes. */
export function read(text: string): Envelope | null {
  try {
    const value = JSON.parse(text) as Record<string, unknown> | null;
    if (value?.[MARK] !== 1 || !Array.isArray(value.nodes) || !Array.isArray(value.links)) return null;
    const layout = (value.layout ?? {}) as Record<string, At>;
    return { nodes: value.nodes.filter(isNode), links: value.links.filter(isLink), layout };
  } catch {
    return null;
  }
}

/** Operations that add the copied nodes under free keys, with their top left corner at `at` or shifted a little. */
export function paste(spec: GraphSpec, envelope: Envelope, at?: At): { operations: Operation[]; keys: string[] } {
  const taken = nodeKeys(spec);
  const names = new Map<string, string>();
  const places = envelope.nodes.map((node): At => envelope.layout[node.key] ?? [0, 0]);
  const left = Math.min(...places.map(([x]) => x));
  const top = Math.min(...places.map(([, y]) => y));
  const [dx, dy] = at ? [at[0] - left, at[1] - top] : [40, 40];
  const operations = envelope.nodes.map((node, index): Operation => {
    const key = freshKey(taken, node.key.replace(/_\d+$/, ""));
    taken.add(key);
    names.set(node.key, key);
    const [x, y]: At = places[index] ?? [0, 0];
    return { op: "add_node", node: { ...node, key }, at: [x + dx, y + dy] };
  });
  for (const link of envelope.links) {
    const source = names.get(link.source);
    const sink = names.get(link.sink);
    if (source && sink) operations.push({ op: "add_link", link: { ...link, source, sink } });
  }
  return { operations, keys: [...names.values()] };
}
