import { expect, test } from "vitest";

import { randomJson, seeded } from "../testing/random";
import { checkValue, fieldErrors, readAny, readJson, readNumber, same, writeAny } from "./fieldValue";
import { fieldsOf, shapeOf } from "./schemaForm";
import type { Json, Schema } from "./types";

function messages(schema: Schema, value: Json): string[] {
  return checkValue(shapeOf(schema), value).map((error) => `${error.at}|${error.message}`);
}

test("any value that is written is read back the same", () => {
  const random = seeded(1);
  for (let k = 0; k < 2000; k += 1) {
    const value = randomJson(random);
    expect(readAny(writeAny(value))).toEqual({ value });
  }
});

test("a value equals its copy with the keys turned round", () => {
  const random = seeded(2);
  for (let k = 0; k < 500; k += 1) {
    const value = { a: randomJson(random), b: randomJson(random) };
    expect(same(value, { b: structuredClone(value.b), a: structuredClone(value.a) })).toBe(true);
    expect(same(value, { ...value, c: null })).toBe(false);
  }
});

test.each([
  ["5", 5],
  [" -1.5 ", -1.5],
  ["1,5", 1.5],
  ["1 000", 1000],
  ["2e3", 2000],
])("%j is read as a number", (typed, value) => {
  expect(readNumber(typed)).toEqual({ value });
});

test.each(["", "abc", "1,2,3", "0x10", "Infinity", "1e999", "--1"])("%j is no number", (typed) => {
  expect(readNumber(typed).error).toBeDefined();
});

test("a half-written list is an error, never text", () => {
  expect(readAny("[1, 2").error).toBe("This JSON ends too early: a bracket or a quote is not closed.");
});

test("the place of a mistake in JSON is told", () => {
  expect(readJson('{\n  "a": 1,\n  b: 2\n}').error).toBe("This is not JSON: look at line 3, column 3.");
});

test.each<[Schema, Json, string[]]>([
  [{ type: "string", minLength: 1 }, "", ["|This must not be empty."]],
  [{ type: "string", maxLength: 2 }, "abc", ["|At most 2 characters are allowed."]],
  [{ type: "string", pattern: "^a+$" }, "b", ["|This must match ^a+$"]],
  [{ type: "string", pattern: "(?P<x>a)" }, "b", []],
  [{ type: "string" }, 5, ["|This should be text."]],
  [{ type: "integer" }, 1.5, ["|This should be a whole number."]],
  [{ type: "number", minimum: 1 }, 0, ["|The least is 1."]],
  [{ type: "number", exclusiveMaximum: 1 }, 1, ["|This must be less than 1."]],
  [{ type: "boolean" }, "true", ["|This should be yes or no."]],
  [{ enum: ["a", "b"] }, "c", ["|Choose one of a, b."]],
  [{ type: "array", items: { type: "number" } }, [1, "x"], ["1|This should be a number."]],
  [{ type: "array", minItems: 1 }, [], ["|At least one item is needed."]],
  [{ type: "object", additionalProperties: { type: "number" } }, { a: "x" }, ["a|This should be a number."]],
  [{ anyOf: [{ type: "string" }, { type: "number" }] }, [], ["|This should be text or a number."]],
  [{ anyOf: [{ type: "number" }, { type: "null" }] }, null, []],
  [{}, { anything: [1] }, []],
])("%j with %j", (schema, value, wrong) => {
  expect(messages(schema, value)).toEqual(wrong);
});

test("members of an object are checked at their place", () => {
  const schema: Schema = {
    type: "object",
    required: ["a"],
    additionalProperties: false,
    properties: { a: { type: "string" } },
  };
  expect(messages(schema, { b: 1 })).toEqual(["a|A is needed.", "b|“b” is not known here."]);
});

test("an unset field is wrong only when it is needed", () => {
  const [needed, free] = fieldsOf({ required: ["a"], properties: { a: { type: "string" }, b: { type: "string" } } });
  if (!needed || !free) throw new Error("two fields");
  expect([fieldErrors(needed, undefined).length, fieldErrors(free, undefined).length]).toEqual([1, 0]);
});
