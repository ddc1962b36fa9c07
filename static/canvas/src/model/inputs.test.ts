import { expect, test } from "vitest";

import { EMPTY_SPEC } from "./graph";
import { fieldPointer, inputFields, startValues, wrongInputs } from "./inputs";
import type { GraphSpec, JsonObject } from "./types";

function asking(...configs: JsonObject[]): GraphSpec {
  return { ...EMPTY_SPEC, nodes: configs.map((config, k) => ({ key: `in_${k}`, block: "io.input", config })) };
}

test("each input node asks for one value", () => {
  const spec = asking({ name: "city", type: "text", required: true }, { name: "limit", type: "integer", default: 10 });
  const fields = inputFields(spec);
  expect(fields.map(({ field }) => [field.name, field.required, field.initial])).toEqual([
    ["city", true, undefined],
    ["limit", false, 10],
  ]);
});

test("nodes without a name or with one that is taken are left out", () => {
  expect(inputFields(asking({ name: "a" }, { name: "a" }, {})).length).toBe(1);
});

test("an unknown type takes any value", () => {
  expect(inputFields(asking({ name: "a", type: "secret" }))[0]?.field.shape.kind).toBe("any");
});

test("a yes/no without a default may stay open", () => {
  const [open, set] = inputFields(
    asking({ name: "a", type: "boolean" }, { name: "b", type: "boolean", default: false }),
  );
  expect([open?.field.shape.kind, set?.field.shape.kind]).toEqual(["nullable", "toggle"]);
});

test("values of the last run are taken where they still fit", () => {
  const fields = inputFields(asking({ name: "a", type: "number" }, { name: "b", type: "text" }));
  expect(startValues(fields, { a: "was text", b: "x", gone: 1 })).toEqual({ b: "x" });
});

test("what is missing or of the wrong type is told by name", () => {
  const fields = inputFields(asking({ name: "a", type: "number", required: true }, { name: "b", type: "list" }));
  expect([...wrongInputs(fields, { b: "x" })]).toEqual([
    ["a", "a is needed."],
    ["b", "This should be a list."],
  ]);
});

test("a pointer of a refused start names its input", () => {
  expect([fieldPointer("#/inputs/city"), fieldPointer("#/nodes/0")]).toEqual(["city", ""]);
});
