/** Whether a link fits, from the two ports' schemas; the server has the last word. */

import { findPort, linkId, portMember } from "./graph";
import type { GraphSpec, LinkSpec, NodePorts, Port, Schema } from "./types";

export type PortType = "text" | "number" | "boolean" | "object" | "list" | "any";
export type Fit = { fit: "ok" } | { fit: "converts"; detail: string } | { fit: "refused"; detail: string };

const TYPES: Record<string, PortType> = {
  string: "text",
  number: "number",
  integer: "number",
  boolean: "boolean",
  object: "object",
  array: "list",
};

const WORDS: Record<PortType, string> = {
  text: "text",
  number: "a number",
  boolean: "yes or no",
  object: "an object",
  list: "a list",
  any: "anything",
};

/** Follows `#/$defs/…`; schemas of ports carry their own definitions. */
function resolve(schema: Schema, root: Schema): Schema {
  const name = schema.$ref?.startsWith("#/$defs/") ? schema.$ref.slice("#/$defs/".length) : undefined;
  return (name === undefined ? undefined : root.$defs?.[name]) ?? schema;
}

function valueType(value: unknown): PortType | "null" {
  if (value === null) return "null";
  if (Array.isArray(value)) return "list";
  return TYPES[typeof value] ?? "any";
}

/** Every type that a schema allows; `any` when it does not say. */
export function typesOf(schema: Schema, root: Schema = schema, depth = 0): Set<PortType> {
  const one = resolve(schema, root);
  if (depth > 8) return new Set(["any"]);
  const branches = one.anyOf ?? one.oneOf;
  if (branches) {
    const all = branches.flatMap((branch) => [...typesOf(branch, root, depth + 1)]);
    return new Set(all.length > 0 ? all : (["any"] as PortType[]));
  }
  if (one.type !== undefined) {
    const names = typeof one.type === "string" ? [one.type] : one.type;
    return new Set(names.filter((name) => name !== "null").map((name) => TYPES[name] ?? "any"));
  }
  const values = one.enum ?? (one.const === undefined ? undefined : [one.const]);
  if (values) return new Set(values.map(valueType).filter((type) => type !== "null"));
  return new Set(["any"]);
}

/** The one type that a port is drawn with. */
export function portType(port: Pick<Port, "schema" | "kind">): PortType {
  if (port.kind === "collect" || port.kind === "gather") return "list";
  const types = typesOf(port.schema);
  const [first] = types;
  return types.size === 1 && first !== undefined ? first : "any";
}

/** The type at a link's end: a part of a value can be anything, a member has its container's item type. */
export function endType(port: Port, name: string): PortType {
  return portMember(name) === "" ? portType(port) : "any";
}

/** How one type goes into another. Collect and Gather ports take single values of their items' type. */
export function typesFit(from: ReadonlySet<PortType>, to: ReadonlySet<PortType>): Fit {
  if (from.has("any") || to.has("any") || [...from].some((type) => to.has(type))) return { fit: "ok" };
  if (to.has("text")) return { fit: "converts", detail: "Becomes text, as JSON." };
  if (to.has("number") && from.has("text"))
    return { fit: "converts", detail: "Text is read as a number; other text fails." };
  if (to.has("list")) return { fit: "converts", detail: "Becomes a list of one." };
  const [source] = from;
  const [sink] = to;
  const detail = `This gives ${WORDS[source ?? "any"]}; the input wants ${WORDS[sink ?? "any"]}.`;
  return { fit: "refused", detail };
}

export type PortsOf = (key: string) => NodePorts | undefined;

/** Whether `link` may be drawn in this graph. */
export function linkFit(spec: GraphSpec, ports: PortsOf, link: LinkSpec): Fit {
  const id = linkId(link);
  if (spec.links.some((one) => linkId(one) === id)) return { fit: "refused", detail: "This link is there already." };
  const source = ports(link.source);
  const sink = ports(link.sink);
  if (!source || !sink) return { fit: "refused", detail: "One of the two blocks is not installed here." };
  const output = findPort(source.outputs, link.source_port);
  const input = findPort(sink.inputs, link.sink_port);
  if (!input) return { fit: "refused", detail: "There is no such input." };
  const from: ReadonlySet<PortType> =
    portMember(link.source_port) !== "" || !output ? new Set(["any"]) : typesOf(output.schema);
  const to: ReadonlySet<PortType> = portMember(link.sink_port) === "" ? typesOf(input.schema) : new Set(["any"]);
  return typesFit(from, to);
}

/** Inputs like `values` whose members can be linked one by one. */
export function takesMembers(port: Port): boolean {
  const schema = resolve(port.schema, port.schema);
  return port.kind === "value" && typesOf(schema).has("object") && schema.properties === undefined;
}

/**
 * Whether drawing this link should ask which member it fills: an input of free members, or a list that gets single
 * values. Without a member, a second link into the same input makes a second run, which is rarely meant there.
 */
export function asksForMember(ports: PortsOf, link: LinkSpec): boolean {
  if (portMember(link.sink_port) !== "") return false;
  const input = findPort(ports(link.sink)?.inputs ?? [], link.sink_port);
  const output = findPort(ports(link.source)?.outputs ?? [], link.source_port);
  if (input?.kind !== "value") return false;
  const from = output && portMember(link.source_port) === "" ? typesOf(output.schema) : new Set<PortType>(["any"]);
  if (takesMembers(input)) return !from.has("object");
  return portType(input) === "list" && !from.has("list") && !from.has("any");
}

/** The member to suggest: the source's name for a dict, the next number for a list. */
export function suggestedMember(spec: GraphSpec, ports: PortsOf, link: LinkSpec): string {
  const input = findPort(ports(link.sink)?.inputs ?? [], link.sink_port);
  const taken = new Set(
    spec.links.filter((one) => one.sink === link.sink).map((one) => one.sink_port.slice(link.sink_port.length + 1)),
  );
  if (input && portType(input) === "list") {
    let index = 0;
    while (taken.has(String(index))) index += 1;
    return String(index);
  }
  const base = link.source_port.replaceAll(".", "_");
  if (!taken.has(base)) return base;
  let count = 2;
  while (taken.has(`${base}_${count}`)) count += 1;
  return `${base}_${count}`;
}
