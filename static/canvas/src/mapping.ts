/** Our nodes, links and ports <-> React Flow's nodes, edges and handles; the only file with both vocabularies. */

import { Position, type Connection, type Edge, type Node, type NodeHandle } from "@xyflow/react";

import { findPort, linkId, NO_PORTS, portMember, portRoot, topological } from "./model/graph";
import { indexLinks, nodeShape, NODE_WIDTH, portY, type NodeShape } from "./model/shape";
import type { Annotation, At, GraphSpec, LinkSpec, NodePorts, NodeSpec, Problem } from "./model/types";
import { portType, type PortType } from "./model/validate";

export interface BlockData extends Record<string, unknown> {
  node: NodeSpec;
  shape: NodeShape;
  /** The block is not installed here. */
  unknown: boolean;
  /** The first thing wrong with it. */
  problem: Problem | undefined;
}

export interface NoteData extends Record<string, unknown> {
  index: number;
  note: Annotation;
}

export interface LinkData extends Record<string, unknown> {
  link: LinkSpec;
  type: PortType;
  broken: boolean;
}

export type BlockFlowNode = Node<BlockData, "block">;
export type NoteFlowNode = Node<NoteData, "note">;
export type FlowNode = BlockFlowNode | NoteFlowNode;
export type LinkFlowEdge = Edge<LinkData, "link">;

const NOTE = "note:";
const HANDLE = 10;

export function noteId(index: number): string {
  return `${NOTE}${index}`;
}

/** The index of a note's id, or null for a block's. Block keys hold no colon. */
export function noteIndex(id: string): number | null {
  return id.startsWith(NOTE) ? Number(id.slice(NOTE.length)) : null;
}

function handles(shape: NodeShape): NodeHandle[] {
  const side = (rows: NodeShape["inputs"], type: "target" | "source"): NodeHandle[] =>
    rows.map((row, index) => ({
      id: row.name,
      type,
      position: type === "target" ? Position.Left : Position.Right,
      x: (type === "target" ? 0 : NODE_WIDTH) - HANDLE / 2,
      y: portY(index) - HANDLE / 2,
      width: HANDLE,
      height: HANDLE,
    }));
  return [...side(shape.inputs, "target"), ...side(shape.outputs, "source")];
}

export interface FlowContext {
  /** What a node is called, for those who do not see it. */
  titleOf: (node: NodeSpec) => string;
  portsOf: (node: NodeSpec) => NodePorts | undefined;
  expanded: readonly string[];
  selection: { nodes: readonly string[]; links: readonly string[]; notes: readonly number[] };
  /** Places of what is being dragged, by flow id. */
  dragged: Readonly<Record<string, At>>;
  problems: ReadonlyMap<string, readonly Problem[]>;
  /** Indices of links with a problem. */
  broken: ReadonlySet<number>;
  readOnly: boolean;
}

interface Made {
  parts: readonly unknown[];
  flow: FlowNode;
}

function sameParts(a: readonly unknown[], b: readonly unknown[]): boolean {
  return a.length === b.length && a.every((one, index) => Object.is(one, b[index]));
}

/**
 * Makes flow nodes and edges from a graph, giving the same objects again for what did not change, so that React skips
 * it. One converter per canvas.
 */
export function createConverter() {
  let made = new Map<string, Made>();
  let ordered: { spec: GraphSpec | null; nodes: readonly NodeSpec[] } = { spec: null, nodes: [] };
  let edges = new Map<string, { parts: readonly unknown[]; edge: LinkFlowEdge }>();

  const keep = (next: Map<string, Made>, id: string, parts: readonly unknown[], make: () => FlowNode): FlowNode => {
    const before = made.get(id);
    const entry = before && sameParts(before.parts, parts) ? before : { parts, flow: make() };
    next.set(id, entry);
    return entry.flow;
  };

  const inOrder = (spec: GraphSpec): readonly NodeSpec[] => {
    if (ordered.spec !== spec) {
      const byKey = new Map(spec.nodes.map((node) => [node.key, node]));
      ordered = { spec, nodes: topological(spec).flatMap((key) => byKey.get(key) ?? []) };
    }
    return ordered.nodes;
  };

  const toNodes = (spec: GraphSpec, context: FlowContext): FlowNode[] => {
    const next = new Map<string, Made>();
    const links = indexLinks(spec.links);
    const selected = new Set(context.selection.nodes);
    const expanded = new Set(context.expanded);
    // In the order in which values flow: Tab goes from node to node as they are read.
    const result = inOrder(spec).map((node): FlowNode => {
      const into = links.into.get(node.key) ?? [];
      const from = links.from.get(node.key) ?? [];
      const at = context.dragged[node.key] ?? spec.layout[node.key] ?? [0, 0];
      const ports = context.portsOf(node);
      const isSelected = selected.has(node.key);
      const open = expanded.has(node.key);
      const problem = context.problems.get(node.key)?.[0];
      const body = [node, context.titleOf(node), ports, open, problem?.detail, ...into, "", ...from];
      const parts = [at[0], at[1], isSelected, context.readOnly, ...body];
      return keep(next, node.key, parts, () => {
        // A moved or selected node keeps its data: its body is then not rendered again.
        const before = made.get(node.key);
        const data: BlockData =
          before?.flow.type === "block" && sameParts(before.parts.slice(4), body)
            ? before.flow.data
            : {
                node,
                shape: nodeShape(node, ports ?? NO_PORTS, into, from, open),
                unknown: ports === undefined,
                problem,
              };
        return {
          id: node.key,
          type: "block",
          position: { x: at[0], y: at[1] },
          width: NODE_WIDTH,
          height: data.shape.height,
          handles: handles(data.shape),
          selected: isSelected,
          draggable: !context.readOnly,
          connectable: !context.readOnly,
          ariaLabel: context.titleOf(node),
          data,
        };
      });
    });
    const notes = new Set(context.selection.notes);
    spec.annotations.forEach((note, index) => {
      const id = noteId(index);
      const [x, y, width, height] = note.at;
      const at = context.dragged[id] ?? [x, y];
      const isSelected = notes.has(index);
      result.unshift(
        keep(next, id, [note, at[0], at[1], isSelected, context.readOnly], () => ({
          id,
          type: "note",
          position: { x: at[0], y: at[1] },
          width,
          height,
          selected: isSelected,
          draggable: !context.readOnly,
          connectable: false,
          zIndex: -1,
          data: { index, note },
        })),
      );
    });
    made = next;
    return result;
  };

  const toEdges = (spec: GraphSpec, context: FlowContext): LinkFlowEdge[] => {
    const next = new Map<string, { parts: readonly unknown[]; edge: LinkFlowEdge }>();
    const selected = new Set(context.selection.links);
    const nodes = new Map(spec.nodes.map((node) => [node.key, node]));
    const result: LinkFlowEdge[] = [];
    spec.links.forEach((link, index) => {
      const source = nodes.get(link.source);
      const sink = nodes.get(link.sink);
      if (!source || !sink) return;
      const name = `Link from ${context.titleOf(source)}, ${link.source_port}, to ${context.titleOf(sink)}, ${link.sink_port}`;
      const id = linkId(link);
      const parts = [
        link,
        name,
        context.portsOf(source),
        selected.has(id),
        context.broken.has(index),
        context.readOnly,
      ];
      const before = edges.get(id);
      const entry =
        before && sameParts(before.parts, parts)
          ? before
          : {
              parts,
              edge: {
                ...toEdge(link, context.portsOf(source), selected.has(id), context.broken.has(index)),
                ariaLabel: name,
              },
            };
      next.set(id, entry);
      result.push(entry.edge);
    });
    edges = next;
    return result;
  };

  return { toNodes, toEdges };
}

function toEdge(link: LinkSpec, ports: NodePorts | undefined, selected: boolean, broken: boolean): LinkFlowEdge {
  const port = findPort(ports?.outputs ?? [], link.source_port);
  const whole = portMember(link.source_port) === "";
  return {
    id: linkId(link),
    type: "link",
    source: link.source,
    sourceHandle: portRoot(link.source_port),
    target: link.sink,
    targetHandle: link.sink_port,
    selected,
    data: { link, type: port && whole ? portType(port) : "any", broken },
  };
}

/** The link that an edge stands for. */
export function fromEdge(edge: LinkFlowEdge): LinkSpec | undefined {
  return edge.data?.link;
}

/** The link that a drawn connection makes. */
export function fromConnection(connection: Connection | LinkFlowEdge): LinkSpec | null {
  const { source, sourceHandle, target, targetHandle } = connection;
  if (!sourceHandle || !targetHandle) return null;
  return { source, source_port: sourceHandle, sink: target, sink_port: targetHandle };
}

/** Node keys, link ids and note indices of flow ids. */
export function fromSelection(ids: readonly string[]): { nodes: string[]; notes: number[] } {
  const nodes: string[] = [];
  const notes: number[] = [];
  for (const id of ids) {
    const index = noteIndex(id);
    if (index === null) nodes.push(id);
    else notes.push(index);
  }
  return { nodes, notes };
}
