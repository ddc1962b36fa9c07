import { expect, test } from "vitest";

import { emptyValue, fieldsOf, shapeOf } from "./schemaForm";
import type { Schema } from "./types";

/** As pydantic writes a model with every kind of field. */
const schema: Schema = {
  type: "object",
  required: ["url"],
  $defs: {
    Method: { enum: ["GET", "POST"], title: "Method", type: "string" },
    Tree: {
      type: "object",
      properties: { child: { anyOf: [{ $ref: "#/$defs/Tree" }, { type: "null" }], default: null } },
    },
  },
  properties: {
    url: { type: "string", title: "Address", minLength: 1, description: "Where to." },
    method: { $ref: "#/$defs/Method", default: "GET", description: "How." },
    retries: { type: "integer", minimum: 0, exclusiveMaximum: 10, default: 3 },
    ratio: { anyOf: [{ type: "number" }, { type: "null" }], default: null },
    follow: { type: "boolean", default: true },
    tags: { type: "array", items: { type: "string" } },
    headers: { type: "object", additionalProperties: { type: "string" } },
    body: { default: null },
    either: { anyOf: [{ type: "string" }, { type: "array", items: {} }] },
    text: { type: "string", "x-widget": "template" },
    always: { const: "yes" },
    tree: { $ref: "#/$defs/Tree" },
    given: { default: null, "x-widget": "by-type", "x-type": "method" },
  },
};

const fields = new Map(fieldsOf(schema).map((field) => [field.name, field]));

test("fields keep the order of the properties", () => {
  expect([...fields.keys()].slice(0, 3)).toEqual(["url", "method", "retries"]);
});

test("titles come from the schema, else from the name", () => {
  expect([fields.get("url")?.title, fields.get("retries")?.title]).toEqual(["Address", "Retries"]);
});

test("only fields named in required are required", () => {
  expect([...fields.values()].filter((field) => field.required).map((field) => field.name)).toEqual(["url"]);
});

test("a default of null is a default, none is none", () => {
  expect([fields.get("ratio")?.initial, fields.get("url")?.initial]).toEqual([null, undefined]);
});

test("a reference brings the definition, keywords beside it win", () => {
  const method = fields.get("method");
  expect(method).toMatchObject({ initial: "GET", description: "How.", shape: { kind: "select" } });
});

test.each([
  ["url", { kind: "text", widget: "line", minLength: 1 }],
  ["retries", { kind: "number", integer: true, minimum: 0, below: 10 }],
  ["ratio", { kind: "nullable", shape: { kind: "number", integer: false } }],
  ["follow", { kind: "toggle" }],
  ["tags", { kind: "list", item: { kind: "text" } }],
  ["headers", { kind: "map", value: { kind: "text" } }],
  ["body", { kind: "any", options: [] }],
  ["either", { kind: "any", options: [{ kind: "text" }, { kind: "list" }] }],
  ["text", { kind: "text", widget: "template" }],
  ["always", { kind: "select", options: [{ value: "yes", label: "yes" }] }],
])("%s has its shape", (name, shape) => {
  expect(fields.get(name)?.shape).toMatchObject(shape);
});

test("a recursive schema ends as JSON", () => {
  expect(JSON.stringify(fields.get("tree")?.shape)).toContain('{"kind":"any","options":[]}');
});

test("a field may take its type from another", () => {
  expect(fields.get("given")?.typedBy).toBe("method");
});

test("a union of numbers is a number, of choices a choice", () => {
  expect(shapeOf({ anyOf: [{ type: "integer" }, { type: "number" }] })).toMatchObject({
    kind: "number",
    integer: false,
  });
  expect(shapeOf({ anyOf: [{ const: "a" }, { enum: ["b", "c"] }] })).toMatchObject({
    kind: "select",
    options: { length: 3 },
  });
});

test("a list of types is a union", () => {
  expect(shapeOf({ type: ["string", "null"] })).toMatchObject({ kind: "nullable", shape: { kind: "text" } });
});

test("a new object has its required members", () => {
  const shape = shapeOf({
    type: "object",
    required: ["a"],
    properties: { a: { type: "integer", minimum: 2 }, b: { type: "string" } },
  });
  expect(emptyValue(shape)).toEqual({ a: 2 });
});
