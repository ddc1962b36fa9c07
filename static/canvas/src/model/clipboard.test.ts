import { expect, test } from "vitest";

import { smallSpec } from "../testing/store";
import { copy, paste, read } from "./clipboard";
import { apply } from "./operations";

test("copied nodes come back under new keys with their links", () => {
  const envelope = read(copy(smallSpec, ["split", "join"]) ?? "");
  expect(envelope).not.toBeNull();
  const { operations, keys } = paste(smallSpec, envelope ?? { nodes: [], links: [], layout: {} });
  const after = apply(smallSpec, operations);
  expect(keys).toEqual(["split_2", "join_2"]);
  expect(after.links.at(-1)).toMatchObject({ source: "split_2", sink: "join_2" });
  expect(after.layout.split_2).toEqual([40, 40]);
});

test("links to the outside are left out", () => {
  expect(read(copy(smallSpec, ["join"]) ?? "")?.links).toEqual([]);
});

test("other text is no copy of nodes", () => {
  expect(read("hello")).toBeNull();
  expect(read('{"nodes": []}')).toBeNull();
});
