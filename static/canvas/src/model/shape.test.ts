import { expect, test } from "vitest";

import { port } from "../testing/store";
import { freeShift, nodeShape, type Box } from "./shape";
import type { LinkSpec, PortKind } from "./types";

const node = (x: number, y: number): Box => ({ x, y, width: 180, height: 120 });

test("a node on free ground stays where it is wanted", () => {
  expect(freeShift([node(0, 0)], [node(400, 0)])).toEqual([0, 0]);
});

test("a node on another one moves to the nearest free place", () => {
  const [dx, dy] = freeShift([node(0, 0)], [node(10, 30)]);
  expect([dx, dy]).toEqual([0, 120]);
});

test("nodes that come together keep their distance and cover nothing", () => {
  const taken = [node(0, 0), node(0, 200), node(240, 0)];
  const wanted = [node(40, 40), node(280, 40)];
  const [dx, dy] = freeShift(taken, wanted);
  const moved = wanted.map((box) => ({ ...box, x: box.x + dx, y: box.y + dy }));
  expect(freeShift(taken, moved)).toEqual([0, 0]);
  expect([dx, dy]).not.toEqual([0, 0]);
});

const into = (sink_port: string, source = "a"): LinkSpec => ({ source, source_port: "value", sink: "n", sink_port });

function arrivals(links: LinkSpec[], kind: PortKind = "value"): number[] {
  const ports = { inputs: [port("values", { type: "object" }, { kind })], outputs: [] };
  return nodeShape({ key: "n", block: "b", config: {} }, ports, links, [], false).inputs.map((row) => row.arrivals);
}

test("arrival decides where several links end at one port", () => {
  expect(arrivals([into("values")])).toEqual([0]);
  expect(arrivals([into("values"), into("values", "b")])).toEqual([2]);
});

test("members build one value, and a gathering port takes links in their order", () => {
  expect(arrivals([into("values.x"), into("values.y")])).toEqual([0, 0, 0]);
  expect(arrivals([into("values"), into("values", "b")], "gather")).toEqual([0]);
});
