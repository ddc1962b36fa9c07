/** How big a node is and where its ports sit: known before anything is drawn, so nothing has to be measured. */

import { ERROR_PORT, portMember, portRoot } from "./graph";
import type { At, JsonObject, LinkSpec, NodePorts, NodeSpec, Port } from "./types";
import { portType, type PortType } from "./validate";

export const NODE_WIDTH = 180;
export const HEADER_HEIGHT = 45;
export const ROW_HEIGHT = 20;
const BODY_PADDING = 7;
const FOOTER_HEIGHT = 27;

export interface PortRow {
  /** The port's name, with a member where a link goes into one. */
  name: string;
  label: string;
  title: string;
  type: PortType;
  kind: Port["kind"];
  linked: boolean;
  /** Links that lead here, when whichever value comes first runs first; else 0. */
  arrivals: number;
  /** Needs a link or a constant and has neither. */
  required: boolean;
}

export interface NodeShape {
  inputs: PortRow[];
  outputs: PortRow[];
  height: number;
}

/** Links by the node they end at and by the node they start at. */
export interface LinkIndex {
  into: Map<string, LinkSpec[]>;
  from: Map<string, LinkSpec[]>;
}

export function indexLinks(links: readonly LinkSpec[]): LinkIndex {
  const index: LinkIndex = { into: new Map(), from: new Map() };
  const add = (map: Map<string, LinkSpec[]>, key: string, link: LinkSpec): void => {
    const list = map.get(key);
    if (list) list.push(link);
    else map.set(key, [link]);
  };
  for (const link of links) {
    add(index.into, link.sink, link);
    add(index.from, link.source, link);
  }
  return index;
}

/** Settings are edited in the inspector and rarely linked: choices, and everything of an execution's own inputs. */
function isSetting(node: NodeSpec, port: Port): boolean {
  if (node.block === "io.input") return true;
  if (node.block === "io.output" && port.name === "name") return true;
  if (takesCredential(port)) return true;
  return port.schema.enum !== undefined || port.schema.const !== undefined || port.schema["x-widget"] === "setting";
}

/** A credential is chosen in the inspector, never linked. */
function takesCredential({ schema }: Port): boolean {
  return [schema, ...(schema.anyOf ?? [])].some((one) => one.format === "credential");
}

function row(port: Port, name: string, links: number, config: JsonObject): PortRow {
  const member = portMember(name);
  const linked = links > 0;
  const collects = port.kind === "collect" || port.kind === "gather";
  return {
    name,
    label: member === "" ? name : `${portRoot(name)}.${member}`,
    title: port.title,
    type: member === "" ? portType(port) : "any",
    kind: port.kind,
    linked,
    arrivals: links > 1 && !collects ? links : 0,
    required: port.required && !linked && !(port.name in config),
  };
}

/** Rows of one side: the declared ports, each followed by its linked members, then links to ports that are not there. */
function rows(
  ports: readonly Port[],
  names: readonly string[],
  config: JsonObject,
  visible: (port: Port) => boolean,
): PortRow[] {
  const used = new Map<string, number>();
  for (const name of names) used.set(name, (used.get(name) ?? 0) + 1);
  const result: PortRow[] = [];
  for (const port of ports) {
    const members = [...used.keys()].filter((name) => portRoot(name) === port.name && name !== port.name);
    if (used.has(port.name) || visible(port)) {
      const whole = row(port, port.name, used.get(port.name) ?? 0, config);
      result.push({ ...whole, required: whole.required && members.length === 0 });
    }
    for (const name of members) result.push(row(port, name, used.get(name) ?? 0, config));
  }
  const known = new Set(ports.map((port) => port.name));
  for (const [name, links] of used) {
    if (known.has(portRoot(name))) continue;
    const arrivals = links > 1 ? links : 0;
    result.push({ name, label: name, title: "", type: "any", kind: "value", linked: true, arrivals, required: false });
  }
  return result;
}

/** What a node shows: its ports in order, and how high it is. */
export function nodeShape(
  node: NodeSpec,
  ports: NodePorts,
  into: readonly LinkSpec[],
  from: readonly LinkSpec[],
  expanded: boolean,
): NodeShape {
  const inputs = rows(
    ports.inputs,
    into.map((link) => link.sink_port),
    node.config,
    (port) => expanded || !isSetting(node, port),
  );
  // A part of an output (`body.title`) leaves from the output's own port: a value has one origin.
  const outputNames = new Set(from.map((link) => portRoot(link.source_port)));
  const hasError = ports.outputs.some((port) => port.name === ERROR_PORT.name);
  const declared = hasError ? ports.outputs : [...ports.outputs, ERROR_PORT];
  const outputs = rows(declared, [...outputNames], {}, (port) => expanded || port.name !== ERROR_PORT.name);
  const count = Math.max(inputs.length, outputs.length);
  return { inputs, outputs, height: HEADER_HEIGHT + count * ROW_HEIGHT + BODY_PADDING + FOOTER_HEIGHT };
}

/** Where the middle of a port's row is, from the node's top. */
export function portY(index: number): number {
  return HEADER_HEIGHT + index * ROW_HEIGHT + ROW_HEIGHT / 2;
}

export interface Box {
  x: number;
  y: number;
  width: number;
  height: number;
}

/** The smallest box around boxes; null for none. */
export function around(boxes: Iterable<Box>): Box | null {
  let left = Infinity;
  let top = Infinity;
  let right = -Infinity;
  let bottom = -Infinity;
  for (const box of boxes) {
    left = Math.min(left, box.x);
    top = Math.min(top, box.y);
    right = Math.max(right, box.x + box.width);
    bottom = Math.max(bottom, box.y + box.height);
  }
  return left === Infinity ? null : { x: left, y: top, width: right - left, height: bottom - top };
}

const GAP = 24;
const STEP = 20;
const FARTHEST = 200;

function touches(a: Box, b: Box): boolean {
  return (
    a.x < b.x + b.width + GAP && b.x < a.x + a.width + GAP && a.y < b.y + b.height + GAP && b.y < a.y + a.height + GAP
  );
}

/** How far `wanted` has to move, at least, to keep clear of every `taken` box: tried in rings, near ones first. */
export function freeShift(taken: readonly Box[], wanted: readonly Box[]): At {
  const fits = ([dx, dy]: At): boolean =>
    wanted.every((box) => !taken.some((other) => touches({ ...box, x: box.x + dx, y: box.y + dy }, other)));
  const far = ([dx, dy]: At): number => dx * dx + dy * dy;
  for (let ring = 0; ring <= FARTHEST; ring += 1) {
    const found = ringOf(ring).filter(fits);
    if (found.length > 0) return found.reduce((near, one) => (far(one) < far(near) ? one : near));
  }
  return [0, 0];
}

/** The grid points of a square ring, those below and to the right first. */
function ringOf(ring: number): At[] {
  if (ring === 0) return [[0, 0]];
  const points: At[] = [];
  const reach = ring * STEP;
  for (let along = -ring; along <= ring; along += 1) {
    const at = along * STEP;
    points.push([at, reach], [reach, at], [at, -reach], [-reach, at]);
  }
  return points;
}
