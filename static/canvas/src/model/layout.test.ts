import { expect, test } from "vitest";

import { EMPTY_SPEC } from "./graph";
import { layered } from "./layout";
import type { GraphSpec } from "./types";

function graph(links: string[]): GraphSpec {
  const pairs = links.map((text) => text.split(">") as [string, string]);
  const keys = [...new Set(pairs.flat())];
  return {
    ...EMPTY_SPEC,
    nodes: keys.map((key) => ({ key, block: "core.value", config: {} })),
    links: pairs.map(([source, sink]) => ({ source, source_port: "o", sink, sink_port: "i" })),
  };
}

const size = () => ({ width: 180, height: 100 });

function overlaps(places: Record<string, [number, number]>): number {
  const all = Object.values(places);
  return all.flatMap(([x, y], i) => all.slice(i + 1).filter(([a, b]) => Math.abs(a - x) < 180 && Math.abs(b - y) < 100))
    .length;
}

test("every sink stands right of its source", () => {
  const spec = graph(["a>b", "a>c", "b>d", "c>d", "a>d"]);
  const places = layered(spec, size);
  for (const link of spec.links) expect(places[link.sink]?.[0]).toBeGreaterThan(places[link.source]?.[0] ?? NaN);
});

test("a chain is one straight row", () => {
  const places = layered(graph(["a>b", "b>c", "c>d"]), size);
  expect(new Set(Object.values(places).map(([, y]) => y)).size).toBe(1);
});

test("a cycle is laid out too", () => {
  expect(Object.keys(layered(graph(["a>b", "b>c", "c>a"]), size))).toHaveLength(3);
});

test("nothing overlaps in a large graph, and it is quick", () => {
  const links = Array.from(
    { length: 1_500 },
    (_, k) => `n${(k * 7919) % 997}>n${((k * 7919) % 997) + 1 + ((k * 31) % 9)}`,
  );
  const spec = graph(links);
  const start = performance.now();
  const places = layered(spec, size);
  expect(performance.now() - start).toBeLessThan(2_000);
  expect(overlaps(places)).toBe(0);
});
