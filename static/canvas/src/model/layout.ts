/**
 * Layered layout, left to right: longest path, barycentre sweeps, then straightening by neighbours.
 *
 * Source: Sugiyama, Tagawa, Toda, "Methods for visual understanding of hierarchical system structures", IEEE Trans.
 * SMC 11(2), 1981. O((nodes + links) * sweeps).
 */

import { topological } from "./graph";
import type { At, GraphSpec } from "./types";

const COLUMN_GAP = 76;
const ROW_GAP = 36;
const SWEEPS = 4;
const GRID = 20;

export interface Size {
  width: number;
  height: number;
}

interface Neighbours {
  before: number[][];
  after: number[][];
}

/** Positions of links' ends in the topological order; links that go back are left out, so that there is no cycle. */
function neighbours(spec: GraphSpec, order: string[]): Neighbours {
  const rank = new Map(order.map((key, index) => [key, index]));
  const before: number[][] = order.map(() => []);
  const after: number[][] = order.map(() => []);
  for (const link of spec.links) {
    const source = rank.get(link.source);
    const sink = rank.get(link.sink);
    if (source === undefined || sink === undefined || source >= sink) continue;
    before[sink]?.push(source);
    after[source]?.push(sink);
  }
  return { before, after };
}

/** Column of each node: one after its farthest source; a node without sources sits just before its first sink. */
function columnsOf({ before, after }: Neighbours): number[] {
  const column: number[] = [];
  before.forEach((sources, index) => {
    column[index] = sources.reduce((most, source) => Math.max(most, (column[source] ?? 0) + 1), 0);
  });
  before.forEach((sources, index) => {
    const sinks = after[index] ?? [];
    if (sources.length === 0 && sinks.length > 0) {
      column[index] = Math.max(0, Math.min(...sinks.map((sink) => column[sink] ?? 0)) - 1);
    }
  });
  return column;
}

function mean(values: number[], fallback: number): number {
  return values.length === 0 ? fallback : values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** Orders every column by the mean place of its neighbours, forwards and backwards in turn. */
function untangle(layers: number[][], { before, after }: Neighbours): void {
  const place: number[] = [];
  const note = (layer: number[]): void => layer.forEach((node, index) => (place[node] = index));
  layers.forEach(note);
  for (let sweep = 0; sweep < SWEEPS; sweep += 1) {
    const forward = sweep % 2 === 0;
    for (const layer of forward ? layers : layers.toReversed()) {
      const pulls = new Map(
        layer.map((node) => [
          node,
          mean(
            ((forward ? before : after)[node] ?? []).map((one) => place[one] ?? 0),
            place[node] ?? 0,
          ),
        ]),
      );
      layer.sort((a, b) => (pulls.get(a) ?? 0) - (pulls.get(b) ?? 0));
      note(layer);
    }
  }
}

/** Moves nodes of one column towards `wanted` middles, keeping their order and distance. */
function settle(layer: number[], wanted: number[], heights: number[], top: number[]): void {
  // Blocks of nodes that touch share one shift, the mean of what they want (pool adjacent violators).
  const blocks: { nodes: number[]; sum: number; size: number }[] = [];
  const topOf = (block: { sum: number; nodes: number[] }): number => block.sum / block.nodes.length;
  for (const node of layer) {
    const height = heights[node] ?? 0;
    let block = { nodes: [node], sum: (wanted[node] ?? 0) - height / 2, size: height + ROW_GAP };
    for (let last = blocks.at(-1); last && topOf(last) + last.size > topOf(block); last = blocks.at(-1)) {
      blocks.pop();
      block = {
        nodes: [...last.nodes, ...block.nodes],
        sum: last.sum + block.sum - last.size * block.nodes.length,
        size: last.size + block.size,
      };
    }
    blocks.push(block);
  }
  for (const block of blocks) {
    let y = topOf(block);
    for (const node of block.nodes) {
      top[node] = y;
      y += (heights[node] ?? 0) + ROW_GAP;
    }
  }
}

function straighten(layers: number[][], links: Neighbours, heights: number[]): number[] {
  const top: number[] = [];
  for (const layer of layers) {
    const total = layer.reduce((sum, node) => sum + (heights[node] ?? 0) + ROW_GAP, -ROW_GAP);
    let y = -total / 2;
    for (const node of layer) {
      top[node] = y;
      y += (heights[node] ?? 0) + ROW_GAP;
    }
  }
  const middle = (node: number): number => (top[node] ?? 0) + (heights[node] ?? 0) / 2;
  for (let round = 0; round < 2 * SWEEPS; round += 1) {
    const side = round % 2 === 0 ? links.before : links.after;
    for (const layer of round % 2 === 0 ? layers : layers.toReversed()) {
      const wanted: number[] = [];
      for (const node of layer) wanted[node] = mean((side[node] ?? []).map(middle), middle(node));
      settle(layer, wanted, heights, top);
    }
  }
  return top;
}

/** A position for every node, the top left one at (0, 0). */
export function layered(spec: GraphSpec, sizeOf: (key: string) => Size): Record<string, At> {
  const order = topological(spec);
  const links = neighbours(spec, order);
  const column = columnsOf(links);
  const layers: number[][] = [];
  column.forEach((index, node) => (layers[index] ??= []).push(node));
  for (let index = 0; index < layers.length; index += 1) layers[index] ??= [];
  untangle(layers, links);
  const sizes = order.map(sizeOf);
  const top = straighten(
    layers,
    links,
    sizes.map((size) => size.height),
  );
  const least = top.reduce((small, y) => Math.min(small, y), Infinity);
  const snap = (value: number): number => Math.round(value / GRID) * GRID;
  const result: Record<string, At> = {};
  let x = 0;
  for (const layer of layers) {
    for (const node of layer) result[order[node] ?? ""] = [snap(x), snap((top[node] ?? 0) - least)];
    x += layer.reduce((most, node) => Math.max(most, sizes[node]?.width ?? 0), 0) + COLUMN_GAP;
  }
  return result;
}
