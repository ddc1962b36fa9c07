/**
 * Status of the shown run, kept outside React.
 *
 * Rows may arrive at a thousand a second: they change plain maps, and once per animation frame only the listeners of
 * the nodes that changed are called.
 */

import { useCallback, useSyncExternalStore } from "react";

import { emptySummary, rowAdded, rowReplaced, type NodeSummary } from "./model/summary";
import type { NodeRow, StreamedText, Transient } from "./model/types";

interface NodeLive {
  rows: Map<string, NodeRow>;
  /** Text that runs give which go on, by path. */
  streams: Map<string, StreamedText>;
  /** Rows as a list, made when somebody asks. */
  list: readonly NodeRow[] | null;
  summary: NodeSummary;
}

type Listener = () => void;

const NO_ROWS: readonly NodeRow[] = [];
const nodes = new Map<string, NodeLive>();
const listeners = new Map<string, Set<Listener>>();
const everyListener = new Set<Listener>();
const changed = new Set<string>();
let version = 0;
/** Grows whenever another run is shown. */
let generation = 0;
let frame = 0;

function flush(): void {
  frame = 0;
  if (changed.size === 0) return;
  version += 1;
  for (const key of changed) listeners.get(key)?.forEach((listener) => listener());
  changed.clear();
  everyListener.forEach((listener) => listener());
}

function touch(key: string): void {
  changed.add(key);
  if (frame === 0) frame = requestAnimationFrame(flush);
}

/** Takes rows of the shown run in; older states of a row that is known already are dropped. */
export function applyRows(rows: readonly NodeRow[]): void {
  for (const row of rows) {
    let node = nodes.get(row.node);
    if (!node) {
      node = { rows: new Map(), streams: new Map(), list: null, summary: emptySummary() };
      nodes.set(row.node, node);
    }
    const before = node.rows.get(row.id);
    if (before && before.seq >= row.seq) continue;
    node.rows.set(row.id, row);
    node.list = null;
    node.summary = before ? rowReplaced(node.summary, before, row, node.rows) : rowAdded(node.summary, row);
    if (row.status !== "running" || (before && before.attempt !== row.attempt)) endStream(node, row.path);
    touch(row.node);
  }
}

function pathKey(path: readonly number[]): string {
  return path.join(".");
}

function firstStream(node: NodeLive): StreamedText | null {
  return node.streams.values().next().value ?? null;
}

function endStream(node: NodeLive, path: readonly number[]): void {
  if (node.streams.delete(pathKey(path))) node.summary = { ...node.summary, stream: firstStream(node) };
}

function isRunningAt(node: NodeLive, path: string): boolean {
  return [...node.rows.values()].some((row) => row.status === "running" && pathKey(row.path) === path);
}

/** Shows how far a running node is and what it gives; superseded by its result, also when that came first. */
export function applyTransient({ node: key, path, progress, text, stream }: Transient): void {
  const node = nodes.get(key);
  if (node?.summary.status !== "running") return;
  const at = pathKey(path);
  if (stream && (node.streams.has(at) || isRunningAt(node, at))) node.streams.set(at, stream);
  node.summary = { ...node.summary, progress, progressText: text, stream: firstStream(node) };
  touch(key);
}

/** Forgets everything: another run is shown, or none. */
export function clearLive(): void {
  for (const key of nodes.keys()) touch(key);
  nodes.clear();
  generation += 1;
}

/** A number for each shown run: rows that were read under another one are not of this run. */
export function liveGeneration(): number {
  return generation;
}

export function nodeSummary(key: string): NodeSummary | undefined {
  return nodes.get(key)?.summary;
}

/** Text that the node's run at this path gives, while it goes on. */
export function nodeStream(key: string, path: readonly number[]): StreamedText | null {
  return nodes.get(key)?.streams.get(pathKey(path)) ?? null;
}

/** Rows of one node, in order of arrival; a new array only when they changed. */
export function nodeRows(key: string): readonly NodeRow[] {
  const node = nodes.get(key);
  if (!node) return NO_ROWS;
  node.list ??= [...node.rows.values()];
  return node.list;
}

/** Keys of the nodes that have rows, in order of their first row. */
export function liveKeys(): string[] {
  return [...nodes.keys()];
}

export function subscribeNode(key: string, listener: Listener): () => void {
  let set = listeners.get(key);
  if (!set) {
    set = new Set();
    listeners.set(key, set);
  }
  set.add(listener);
  return () => {
    listeners.get(key)?.delete(listener);
  };
}

/** Calls `listener` at most once a frame when any node changed. */
export function subscribeLive(listener: Listener): () => void {
  everyListener.add(listener);
  return () => {
    everyListener.delete(listener);
  };
}

/** Sum of one node's rows, undefined while it has none; renders again only for this node. */
export function useNodeSummary(key: string): NodeSummary | undefined {
  const subscribe = useCallback((listener: Listener) => subscribeNode(key, listener), [key]);
  return useSyncExternalStore(subscribe, () => nodeSummary(key));
}

/** Rows of one node; renders again only for this node. */
export function useNodeRows(key: string): readonly NodeRow[] {
  const subscribe = useCallback((listener: Listener) => subscribeNode(key, listener), [key]);
  return useSyncExternalStore(subscribe, () => nodeRows(key));
}

/** Text of one run of a node as it comes; renders again only for this node. */
export function useNodeStream(key: string, path: readonly number[]): StreamedText | null {
  const subscribe = useCallback((listener: Listener) => subscribeNode(key, listener), [key]);
  return useSyncExternalStore(subscribe, () => nodeStream(key, path));
}

/** A number that grows when any node changed, at most once a frame. */
export function useLiveVersion(): number {
  return useSyncExternalStore(subscribeLive, () => version);
}
