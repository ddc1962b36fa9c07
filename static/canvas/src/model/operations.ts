/** Operations on a graph: apply them, take them back, join repeats before they are sent. */

import { linkId, nodeKeys } from "./graph";
import type { GraphSpec, Json, JsonObject, NodeSpec, Operation, Policy } from "./types";

function changeNode(spec: GraphSpec, key: string, change: (node: NodeSpec) => NodeSpec): GraphSpec {
  const index = spec.nodes.findIndex((node) => node.key === key);
  const node = spec.nodes[index];
  if (!node) return spec;
  const nodes = spec.nodes.slice();
  nodes[index] = change(node);
  return { ...spec, nodes };
}

function without<T>(record: Record<string, T>, key: string): Record<string, T> {
  if (!(key in record)) return record;
  return Object.fromEntries(Object.entries(record).filter(([name]) => name !== key));
}

/** Nothing pinned is no member, as in the canonical JSON. */
function withPinned(node: NodeSpec, pinned: JsonObject | null): NodeSpec {
  if (pinned !== null) return { ...node, pinned };
  const bare = { ...node };
  delete bare.pinned;
  return bare;
}

function addNode(spec: GraphSpec, operation: Extract<Operation, { op: "add_node" }>): GraphSpec {
  const { node, at } = operation;
  if (spec.nodes.some((one) => one.key === node.key)) return spec;
  return { ...spec, nodes: [...spec.nodes, node], layout: { ...spec.layout, [node.key]: at } };
}

function removeNode(spec: GraphSpec, key: string): GraphSpec {
  if (!spec.nodes.some((node) => node.key === key)) return spec;
  return {
    ...spec,
    nodes: spec.nodes.filter((node) => node.key !== key),
    links: spec.links.filter((link) => link.source !== key && link.sink !== key),
    layout: without(spec.layout, key),
  };
}

function addLink(spec: GraphSpec, { link }: Extract<Operation, { op: "add_link" }>): GraphSpec {
  const id = linkId(link);
  const keys = nodeKeys(spec);
  if (!keys.has(link.source) || !keys.has(link.sink) || spec.links.some((one) => linkId(one) === id)) return spec;
  return { ...spec, links: [...spec.links, link] };
}

function removeLink(spec: GraphSpec, { link }: Extract<Operation, { op: "remove_link" }>): GraphSpec {
  const id = linkId(link);
  const links = spec.links.filter((one) => linkId(one) !== id);
  return links.length === spec.links.length ? spec : { ...spec, links };
}

/** The graph after one operation. One that does not fit (its node is gone) changes nothing, as on the server. */
export function applyOne(spec: GraphSpec, operation: Operation): GraphSpec {
  switch (operation.op) {
    case "add_node":
      return addNode(spec, operation);
    case "remove_node":
      return removeNode(spec, operation.key);
    case "set_config":
      return changeNode(spec, operation.key, (node) => ({
        ...node,
        config: { ...node.config, [operation.name]: operation.value },
      }));
    case "unset_config":
      return changeNode(spec, operation.key, (node) => ({ ...node, config: without(node.config, operation.name) }));
    case "set_title":
      return changeNode(spec, operation.key, (node) => ({ ...node, title: operation.title }));
    case "set_policy":
      return changeNode(spec, operation.key, (node) => ({
        ...node,
        policy: { ...node.policy, [operation.name]: operation.value },
      }));
    case "set_join":
      return changeNode(spec, operation.key, (node) => ({ ...node, join: operation.join }));
    case "set_pinned":
      return changeNode(spec, operation.key, (node) => withPinned(node, operation.pinned));
    case "move":
      if (!spec.nodes.some((node) => node.key === operation.key)) return spec;
      return { ...spec, layout: { ...spec.layout, [operation.key]: operation.at } };
    case "add_link":
      return addLink(spec, operation);
    case "remove_link":
      return removeLink(spec, operation);
    case "set_graph":
      if (operation.name === "limits") return { ...spec, limits: withLimits(spec.limits, operation.value) };
      return { ...spec, [operation.name]: operation.value };
  }
}

/** The limits with those changed that are named; null is the default again. */
function withLimits(limits: JsonObject, changes: Json): JsonObject {
  if (typeof changes !== "object" || changes === null || Array.isArray(changes)) return limits;
  return Object.fromEntries(Object.entries({ ...limits, ...changes }).filter(([, value]) => value !== null));
}

/** What the limits that a change names were before. */
function limitsBefore(limits: JsonObject, changes: Json): JsonObject {
  const names = typeof changes === "object" && changes !== null ? Object.keys(changes) : [];
  return Object.fromEntries(names.map((name) => [name, limits[name] ?? null]));
}

export function apply(spec: GraphSpec, operations: readonly Operation[]): GraphSpec {
  const moved: GraphSpec["layout"] = {};
  let next = spec;
  let moves = false;
  // A drag or a layout moves many nodes: one copy of the layout for all of them.
  const settle = (): void => {
    if (!moves) return;
    next = { ...next, layout: { ...next.layout, ...moved } };
    for (const key of Object.keys(moved)) Reflect.deleteProperty(moved, key);
    moves = false;
  };
  const keys = operations.some((one) => one.op === "move") ? nodeKeys(spec) : new Set<string>();
  for (const operation of operations) {
    if (operation.op === "move" && keys.has(operation.key)) {
      moved[operation.key] = operation.at;
      moves = true;
    } else {
      settle();
      next = applyOne(next, operation);
    }
  }
  settle();
  return next;
}

function setOrUnset(key: string, config: JsonObject, name: string): Operation {
  const value = config[name];
  return value === undefined ? { op: "unset_config", key, name } : { op: "set_config", key, name, value };
}

const POLICY_DEFAULTS: Required<Policy> = { retries: 0, timeout_seconds: 0, on_error: "stop", concurrency: 0 };

/** Operations that take `operation` back when applied to the graph after it. */
function invertOne(spec: GraphSpec, operation: Operation): Operation[] {
  if (operation.op === "set_graph" && operation.name === "limits")
    return [{ op: "set_graph", name: "limits", value: limitsBefore(spec.limits, operation.value) }];
  if (operation.op === "set_graph")
    return [{ op: "set_graph", name: operation.name, value: spec[operation.name] as never }];
  if (operation.op === "add_link" || operation.op === "remove_link") {
    const id = linkId(operation.link);
    const present = spec.links.some((link) => linkId(link) === id);
    if (operation.op === "add_link") {
      return addLink(spec, operation) === spec ? [] : [{ op: "remove_link", link: operation.link }];
    }
    return present ? [{ op: "add_link", link: operation.link }] : [];
  }
  const key = operation.op === "add_node" ? operation.node.key : operation.key;
  const node = spec.nodes.find((one) => one.key === key);
  if (operation.op === "add_node") return node ? [] : [{ op: "remove_node", key }];
  if (!node) return [];
  switch (operation.op) {
    case "remove_node":
      return [
        { op: "add_node", node, at: spec.layout[key] ?? [0, 0] },
        ...spec.links
          .filter((link) => link.source === key || link.sink === key)
          .map((link): Operation => ({ op: "add_link", link })),
      ];
    case "set_config":
    case "unset_config":
      return [setOrUnset(key, node.config, operation.name)];
    case "set_title":
      return [{ op: "set_title", key, title: node.title ?? "" }];
    case "set_policy":
      return [
        {
          op: "set_policy",
          key,
          name: operation.name,
          value: node.policy?.[operation.name] ?? POLICY_DEFAULTS[operation.name],
        },
      ];
    case "set_join":
      return [{ op: "set_join", key, join: node.join ?? "match" }];
    case "set_pinned":
      return [{ op: "set_pinned", key, pinned: node.pinned ?? null }];
    case "move":
      return [{ op: "move", key, at: spec.layout[key] ?? [0, 0] }];
  }
}

/** Operations that take `operations` back, in the order to apply; links come after the nodes they need. */
export function invert(spec: GraphSpec, operations: readonly Operation[]): Operation[] {
  const steps: Operation[][] = [];
  let now = spec;
  for (const operation of operations) {
    steps.push(invertOne(now, operation));
    now = applyOne(now, operation);
  }
  const backward = steps.reverse().flat();
  // Two removed neighbours both bring their common link back: it can only be drawn when both are there.
  const isLink = (one: Operation): boolean => one.op === "add_link";
  return [...backward.filter((one) => !isLink(one)), ...backward.filter(isLink)];
}

/** What an operation sets, when a later one for the same thing makes it needless. */
function slot(operation: Operation): string | null {
  switch (operation.op) {
    case "set_config":
    case "unset_config":
      return JSON.stringify(["config", operation.key, operation.name]);
    case "set_title":
    case "set_join":
    case "set_pinned":
    case "move":
      return JSON.stringify([operation.op, operation.key]);
    case "set_policy":
      return JSON.stringify(["policy", operation.key, operation.name]);
    case "set_graph":
      // Limits are set one by one: only those of the same names take each other's place.
      if (operation.name === "limits") return JSON.stringify(["limits", ...Object.keys(operation.value ?? {}).sort()]);
      return JSON.stringify(["graph", operation.name]);
    default:
      return null;
  }
}

/** The same change in fewer operations: of several settings of one thing only the last is kept. */
export function compact(operations: readonly Operation[]): Operation[] {
  const seen = new Set<string>();
  const kept: Operation[] = [];
  for (const operation of operations.toReversed()) {
    const name = slot(operation);
    if (name === null) {
      // Adding or removing a node or link: settings before it must not be dropped for settings after it.
      if (operation.op === "add_node" || operation.op === "remove_node") seen.clear();
    } else if (seen.has(name)) {
      continue;
    } else {
      seen.add(name);
    }
    kept.push(operation);
  }
  return kept.reverse();
}
