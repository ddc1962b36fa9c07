/** The drawing: nodes, links and notes, moved and linked by mouse, touch or keyboard. */

import {
  ReactFlow,
  useReactFlow,
  type Connection,
  type FinalConnectionState,
  type NodeChange,
  type EdgeChange,
} from "@xyflow/react";
import { useCallback, useMemo, useRef, useState, type DragEvent, type MouseEvent as ReactMouseEvent } from "react";

import { nodeBoxes } from "../boxes";
import {
  createConverter,
  fromConnection,
  fromSelection,
  noteIndex,
  type FlowContext,
  type FlowNode,
  type LinkFlowEdge,
} from "../mapping";
import { nodeTitle, problemsByNode } from "../model/graph";
import { asksForMember, linkFit } from "../model/validate";
import type { At, LinkSpec } from "../model/types";
import { actions, useStore } from "../store";
import { isReadOnly, portsOf, shownSpec, type LoosePort } from "../state";
import { BlockNode } from "./BlockNode";
import { CanvasControls } from "./CanvasControls";
import { DotGrid } from "./DotGrid";
import { EmptyCanvas } from "./EmptyCanvas";
import { Finder } from "./Finder";
import { LinkEdge } from "./LinkEdge";
import { Minimap } from "./Minimap";
import { NoteNode } from "./NoteNode";
import { Overview } from "./Overview";
import { BLOCK_MIME } from "./Palette";
import { useCanvasKeys } from "./useCanvasKeys";
import { MANY_NODES, useFar } from "./useFar";
import { useInitialFit, useKeepView, useRevealAdded } from "./useViewport";
import styles from "./Canvas.module.css";

const NODE_TYPES = { block: BlockNode, note: NoteNode };
const EDGE_TYPES = { link: LinkEdge };
const CONNECTION_STYLE = { stroke: "var(--sel)", strokeWidth: 2 };
const SNAP: [number, number] = [10, 10];
const NOTHING: never[] = [];
const NOTHING_DRAGGED: Readonly<Record<string, At>> = {};

export function Canvas() {
  const flow = useReactFlow<FlowNode, LinkFlowEdge>();
  const wrapper = useRef<HTMLDivElement>(null);
  const spec = useStore(shownSpec);
  const readOnly = useStore(isReadOnly);
  const [dragged, setDragged] = useState(NOTHING_DRAGGED);
  const { nodes, edges } = useFlow(dragged);
  const far = useFar();
  useCanvasKeys();
  useInitialFit();
  useKeepView();
  useRevealAdded();

  const onNodesChange = useCallback((changes: NodeChange<FlowNode>[]) => {
    const chosen = new Set(selectedIds());
    const moving: Record<string, At> = {};
    const moved: Record<string, At> = {};
    let choice = false;
    for (const change of changes) {
      if (change.type === "select") {
        choice = true;
        if (change.selected) chosen.add(change.id);
        else chosen.delete(change.id);
      } else if (change.type === "position" && change.position) {
        const at: At = [Math.round(change.position.x), Math.round(change.position.y)];
        if (change.dragging) moving[change.id] = at;
        else moved[change.id] = at;
      }
    }
    if (choice) actions().select(fromSelection([...chosen]));
    if (Object.keys(moving).length > 0) setDragged((before) => ({ ...before, ...moving }));
    if (Object.keys(moved).length > 0) {
      setDragged(NOTHING_DRAGGED);
      commitMove(moved);
    }
  }, []);

  const onEdgesChange = useCallback((changes: EdgeChange<LinkFlowEdge>[]) => {
    const chosen = new Set(useStore.getState().ui.selection.links);
    for (const change of changes) {
      if (change.type !== "select") continue;
      if (change.selected) chosen.add(change.id);
      else chosen.delete(change.id);
    }
    actions().select({ links: [...chosen] });
  }, []);

  const onConnectEnd = useCallback(
    (event: MouseEvent | TouchEvent, connection: FinalConnectionState) => {
      if (connection.isValid) return;
      const screen = pointOf(event);
      const from = loosePort(connection);
      if (!from) return;
      if (connection.toHandle && connection.toNode) {
        const link = asLink(from, connection.toNode.id, connection.toHandle.id ?? "");
        if (link) explain(link);
      } else if (!connection.toNode) {
        const at = flow.screenToFlowPosition({ x: screen[0], y: screen[1] });
        actions().setFinder({ kind: "add", at: [at.x, at.y], screen, from });
      }
    },
    [flow],
  );

  const onDrop = useCallback(
    (event: DragEvent) => {
      const block = event.dataTransfer.getData(BLOCK_MIME);
      if (block === "") return;
      event.preventDefault();
      const at = flow.screenToFlowPosition({ x: event.clientX - 40, y: event.clientY - 20 });
      actions().addNode(block, [Math.round(at.x), Math.round(at.y)]);
    },
    [flow],
  );

  const onDoubleClick = useCallback(
    (event: ReactMouseEvent) => {
      const isPane = event.target instanceof Element && event.target.classList.contains("react-flow__pane");
      if (!isPane || isReadOnly(useStore.getState())) return;
      const at = flow.screenToFlowPosition({ x: event.clientX, y: event.clientY });
      actions().setFinder({ kind: "add", at: [at.x, at.y], screen: [event.clientX, event.clientY] });
    },
    [flow],
  );

  /** From far away nodes are only drawn: a click comes nearer to the one below it. */
  const onFarClick = useCallback(
    (event: ReactMouseEvent) => {
      const at = flow.screenToFlowPosition({ x: event.clientX, y: event.clientY }, { snapToGrid: false });
      for (const [key, box] of nodeBoxes(useStore.getState())) {
        if (at.x < box.x || at.x > box.x + box.width || at.y < box.y || at.y > box.y + box.height) continue;
        actions().selectNode(key);
        void flow.setCenter(box.x + box.width / 2, box.y + box.height / 2, { zoom: 0.8 });
      }
    },
    [flow],
  );

  return (
    <main
      ref={wrapper}
      className={styles.canvas}
      aria-label="Canvas"
      onDrop={onDrop}
      onDragOver={(event) => event.preventDefault()}
      onDoubleClick={onDoubleClick}
    >
      <ReactFlow<FlowNode, LinkFlowEdge>
        nodes={far ? NOTHING : nodes}
        edges={far ? NOTHING : edges}
        nodeTypes={NODE_TYPES}
        edgeTypes={EDGE_TYPES}
        onNodesChange={onNodesChange}
        onEdgesChange={onEdgesChange}
        {...(far ? { onPaneClick: onFarClick } : {})}
        onConnect={connect}
        onConnectEnd={onConnectEnd}
        onReconnect={reconnect}
        onNodeContextMenu={openNodeMenu}
        isValidConnection={isValid}
        nodesConnectable={!readOnly}
        edgesReconnectable={!readOnly}
        connectionLineStyle={CONNECTION_STYLE}
        connectionRadius={22}
        onlyRenderVisibleElements={spec.nodes.length > MANY_NODES}
        elevateNodesOnSelect={false}
        elevateEdgesOnSelect={false}
        deleteKeyCode={null}
        multiSelectionKeyCode={["Meta", "Control", "Shift"]}
        zoomOnDoubleClick={false}
        snapToGrid
        snapGrid={SNAP}
        minZoom={0.05}
        maxZoom={2.5}
        attributionPosition="bottom-center"
      >
        <DotGrid />
        {far && <Overview />}
        <CanvasControls />
        <Minimap />
      </ReactFlow>
      {spec.nodes.length === 0 && <EmptyCanvas />}
      <Finder />
    </main>
  );
}

/** Flow nodes and edges of what is shown; parts that did not change are the same objects as before. */
function useFlow(dragged: Readonly<Record<string, At>>) {
  const [converter] = useState(createConverter);
  const spec = useStore(shownSpec);
  const ports = useStore((state) => (state.graph.view ? state.graph.view.ports : state.graph.ports));
  const blocks = useStore((state) => state.catalogue.blocks);
  const problems = useStore((state) => state.graph.problems);
  const isView = useStore((state) => state.graph.view !== null);
  const expanded = useStore((state) => state.ui.expanded);
  const selection = useStore((state) => state.ui.selection);
  const readOnly = useStore(isReadOnly);

  const context = useMemo((): FlowContext => {
    const shown = isView ? [] : problems;
    return {
      titleOf: (node) => nodeTitle(node, blocks[node.block]),
      portsOf: (node) => ports[node.key] ?? blocks[node.block],
      problems: problemsByNode(shown),
      broken: new Set(shown.flatMap((one) => (one.link === null ? [] : [one.link]))),
      expanded,
      selection,
      dragged,
      readOnly,
    };
  }, [ports, blocks, problems, isView, expanded, selection, dragged, readOnly]);

  return useMemo(
    () => ({ nodes: converter.toNodes(spec, context), edges: converter.toEdges(spec, context) }),
    [converter, spec, context],
  );
}

function selectedIds(): string[] {
  const { nodes, notes } = useStore.getState().ui.selection;
  return [...nodes, ...notes.map((index) => `note:${index}`)];
}

function commitMove(moved: Record<string, At>): void {
  const { spec } = useStore.getState().graph;
  const places = Object.fromEntries(Object.entries(moved).filter(([id]) => noteIndex(id) === null));
  const still = (id: string, at: At): boolean => spec.layout[id]?.[0] === at[0] && spec.layout[id][1] === at[1];
  const changed = Object.entries(places).filter(([id, at]) => !still(id, at));
  actions().moveNodes(Object.fromEntries(changed), `move ${Object.keys(moved).join(" ")}`);
  const notes = Object.entries(moved).flatMap(([id, at]) => {
    const index = noteIndex(id);
    return index === null ? [] : [[index, at] as const];
  });
  if (notes.length === 0) return;
  const places2 = new Map(notes);
  const annotations = spec.annotations.map((note, index) => {
    const at = places2.get(index);
    return at ? { ...note, at: [at[0], at[1], note.at[2], note.at[3]] as typeof note.at } : note;
  });
  actions().setAnnotations(annotations);
}

function fits(link: LinkSpec) {
  const state = useStore.getState();
  return linkFit(state.graph.spec, (key) => portsOf(state, key), link);
}

function isValid(connection: Connection | LinkFlowEdge): boolean {
  const link = fromConnection(connection);
  return link !== null && fits(link).fit !== "refused";
}

function explain(link: LinkSpec): void {
  const fit = fits(link);
  if (fit.fit !== "ok") actions().toast({ tone: fit.fit === "refused" ? "error" : "info", text: fit.detail });
}

function connect(connection: Connection): void {
  const link = fromConnection(connection);
  if (link) addLink(link, lastPoint);
}

/** Adds a link; asks for the member first when the input takes several values by name or number. */
function addLink(link: LinkSpec, screen: At): void {
  const state = useStore.getState();
  if (asksForMember((key) => portsOf(state, key), link)) {
    actions().setFinder({ kind: "member", link, screen });
    return;
  }
  const fit = fits(link);
  actions().addLink(link);
  if (fit.fit === "converts") actions().toast({ tone: "info", text: fit.detail });
}

/** The context menu of a node, by the right button or the keyboard's menu key. */
function openNodeMenu(event: ReactMouseEvent, node: FlowNode): void {
  if (node.type !== "block") return;
  event.preventDefault();
  const box = event.currentTarget.getBoundingClientRect();
  const byKey = event.clientX === 0 && event.clientY === 0;
  const { nodes } = useStore.getState().ui.selection;
  if (!nodes.includes(node.id) || nodes.length > 1) actions().selectNode(node.id);
  const at: At = byKey ? [box.left + 20, box.top + 40] : [event.clientX, event.clientY];
  actions().setNodeMenu({ key: node.id, at });
}

function reconnect(edge: LinkFlowEdge, connection: Connection): void {
  const after = fromConnection(connection);
  if (edge.data && after) actions().replaceLink(edge.data.link, after);
}

/** Where the pointer last let go; the member question opens there. */
let lastPoint: At = [0, 0];
window.addEventListener("pointerup", (event) => (lastPoint = [event.clientX, event.clientY]), { capture: true });

function pointOf(event: MouseEvent | TouchEvent): At {
  const point = "changedTouches" in event ? event.changedTouches[0] : event;
  return point ? [point.clientX, point.clientY] : lastPoint;
}

function loosePort(connection: FinalConnectionState): LoosePort | null {
  const { fromHandle, fromNode } = connection;
  if (!fromHandle?.id) return null;
  return { key: fromNode.id, port: fromHandle.id, side: fromHandle.type === "source" ? "source" : "sink" };
}

function asLink(from: LoosePort, key: string, port: string): LinkSpec | null {
  if (port === "") return null;
  return from.side === "source"
    ? { source: from.key, source_port: from.port, sink: key, sink_port: port }
    : { source: key, source_port: port, sink: from.key, sink_port: from.port };
}
