/**
 * Status of the shown run, kept outside React.
 *
 * Rows may arrive at a thousand a second: they change plain maps, and once per animation frame only the listeners of
 * the nodes that changed are called.
 */

import { useCallback, useSyncExternalStore } from "react";

import { emptySummary, rowAdded, rowReplaced, type NodeSummary } from "./model/summary";
import type { NodeRow } from "./model/types";

interface NodeLive {
  rows: Map<string, NodeRow>;
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
      node = { rows: new Map(), list: null, summary: emptySummary() };
      nodes.set(row.node, node);
    }
    const before = node.rows.get(row.id);
    if (before && before.seq >= row.seq) continue;
    node.rows.set(row.id, row);
    node.list = null;
    node.summary = before ? rowReplaced(node.summary, before, row, node.rows) : rowAdded(node.summary, row);
    touch(row.node);
  }
}

/** Shows how far a running node is; superseded by its result. */
export function applyProgress(key: string, progress: number | null, text: string): void {
  const node = nodes.get(key);
  if (!node) return;
  node.summary = { ...node.summary, progress, progressText: text };
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

/** A number that grows when any node changed, at most once a frame. */
export function useLiveVersion(): number {
  return useSyncExternalStore(subscribeLive, () => version);
}
