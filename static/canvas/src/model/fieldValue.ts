/** Values of form fields: what was typed as a value and back, and everything wrong with it. */

import {
  shapeName,
  type Field,
  type ListShape,
  type NumberShape,
  type ObjectShape,
  type Shape,
  type TextShape,
} from "./schemaForm";
import type { Json } from "./types";

/** Something wrong with a value, `at` as a path inside the field ("", "2", "2.name"). */
export interface FieldError {
  readonly at: string;
  readonly message: string;
}

export type Reading =
  { readonly value: Json; readonly error?: never } | { readonly value?: never; readonly error: string };

/** Problems of one field; undefined means that nothing is set. */
export function fieldErrors(field: Field, value: Json | undefined): FieldError[] {
  if (value === undefined) return field.required ? [{ at: "", message: `${field.title} is needed.` }] : [];
  return checkValue(field.shape, value);
}

/** Every problem of a value against its shape. */
export function checkValue(shape: Shape, value: Json, at = ""): FieldError[] {
  switch (shape.kind) {
    case "text":
      return wrong(at, typeof value === "string" ? checkText(shape, value) : `This should be ${shapeName(shape)}.`);
    case "number":
      return wrong(at, typeof value === "number" ? checkNumber(shape, value) : `This should be ${shapeName(shape)}.`);
    case "toggle":
      return wrong(at, typeof value === "boolean" ? "" : "This should be yes or no.");
    case "graph":
      return wrong(at, Number.isInteger(value) ? "" : "Choose a graph.");
    case "credential":
      return wrong(at, value === null || typeof value === "string" ? "" : "Choose a credential.");
    case "select":
      return wrong(at, shape.options.some((option) => same(option.value, value)) ? "" : `Choose ${shapeName(shape)}.`);
    case "list":
      return Array.isArray(value) ? checkList(shape, value, at) : wrong(at, "This should be a list.");
    case "object":
      return isObject(value) ? checkObject(shape, value, at) : wrong(at, "This should be an object.");
    case "map":
      if (!isObject(value)) return wrong(at, "This should be an object.");
      return Object.entries(value).flatMap(([key, member]) => checkValue(shape.value, member, join(at, key)));
    case "any":
      return wrong(
        at,
        fitsAny(shape.options, value) ? "" : `This should be ${shape.options.map(shapeName).join(" or ")}.`,
      );
    case "nullable":
      return value === null ? [] : checkValue(shape.shape, value, at);
  }
}

function wrong(at: string, message: string): FieldError[] {
  return message === "" ? [] : [{ at, message }];
}

function fitsAny(options: readonly Shape[], value: Json): boolean {
  return options.length === 0 || options.some((option) => checkValue(option, value).length === 0);
}

function checkText(shape: TextShape, value: string): string {
  if (value.length < shape.minLength) {
    return value === "" ? "This must not be empty." : `At least ${shape.minLength} characters are needed.`;
  }
  if (value.length > shape.maxLength) return `At most ${shape.maxLength} characters are allowed.`;
  return matches(shape.pattern, value) ? "" : `This must match ${shape.pattern}`;
}

/** Patterns of Python that JavaScript cannot read are left to the server. */
function matches(pattern: string, value: string): boolean {
  if (pattern === "") return true;
  try {
    return new RegExp(pattern, "u").test(value);
  } catch {
    return true;
  }
}

function checkNumber(shape: NumberShape, value: number): string {
  if (shape.integer && !Number.isInteger(value)) return "This should be a whole number.";
  if (value < shape.minimum) return `The least is ${shape.minimum}.`;
  if (value > shape.maximum) return `The most is ${shape.maximum}.`;
  if (value <= shape.above) return `This must be more than ${shape.above}.`;
  if (value >= shape.below) return `This must be less than ${shape.below}.`;
  return "";
}

function checkList(shape: ListShape, value: readonly Json[], at: string): FieldError[] {
  const errors = value.flatMap((item, index) => checkValue(shape.item, item, join(at, String(index))));
  if (value.length < shape.minItems) errors.unshift({ at, message: `At least ${items(shape.minItems)} needed.` });
  if (value.length > shape.maxItems) errors.unshift({ at, message: `At most ${items(shape.maxItems)} allowed.` });
  return errors;
}

function items(count: number): string {
  return count === 1 ? "one item is" : `${count} items are`;
}

function checkObject(shape: ObjectShape, value: Readonly<Record<string, Json>>, at: string): FieldError[] {
  const errors = shape.fields.flatMap((field) =>
    fieldErrors(field, value[field.name]).map((error) => ({ ...error, at: join(at, join(field.name, error.at)) })),
  );
  if (shape.extra) return errors;
  const known = new Set(shape.fields.map((field) => field.name));
  const strange = Object.keys(value).filter((key) => !known.has(key));
  return [...errors, ...strange.map((key) => ({ at: join(at, key), message: `“${key}” is not known here.` }))];
}

/** Reads a typed number; spaces are forgiven, so is a decimal comma. */
export function readNumber(typed: string): Reading {
  const plain = typed.replaceAll(/\s/g, "");
  const dotted = /^[-+]?\d+,\d+$/.test(plain) ? plain.replace(",", ".") : plain;
  if (!/^[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?$/.test(dotted)) return { error: "This should be a number." };
  const value = Number(dotted);
  return Number.isFinite(value) ? { value } : { error: "This number is too large." };
}

/** Reads JSON; the error says where to look. */
export function readJson(typed: string): Reading {
  try {
    return { value: JSON.parse(typed) as Json };
  } catch (error) {
    return { error: jsonError(typed, error instanceof Error ? error.message : "") };
  }
}

function jsonError(typed: string, message: string): string {
  if (typed.trim() === "") return "Write a JSON value.";
  const position = /position (\d+)/.exec(message)?.[1];
  if (position === undefined || Number(position) >= typed.trimEnd().length) {
    return "This JSON ends too early: a bracket or a quote is not closed.";
  }
  const before = typed.slice(0, Number(position)).split("\n");
  return `This is not JSON: look at line ${before.length}, column ${(before.at(-1) ?? "").length + 1}.`;
}

/**
 * Reads a field of any type: JSON where the text is JSON, else the text itself.
 *
 * Something that begins like a list, an object or a quoted text but does not parse is an error, never silently text.
 */
export function readAny(typed: string): Reading {
  const reading = readJson(typed);
  if (reading.error === undefined || /^\s*["[{]/.test(typed)) return reading;
  return { value: typed };
}

/** The text that `readAny` reads back as the same value. */
export function writeAny(value: Json): string {
  if (typeof value !== "string") return JSON.stringify(value, null, 2);
  return readAny(value).value === value ? value : JSON.stringify(value);
}

/** What a value of any type is taken for, in one word. */
export function typeName(value: Json): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "list";
  if (typeof value === "string") return "text";
  return typeof value === "object" ? "object" : typeof value === "boolean" ? "yes/no" : "number";
}

/** Values are the same when their JSON is, whatever the order of keys. */
export function same(a: Json | undefined, b: Json | undefined): boolean {
  if (a === b) return true;
  if (Array.isArray(a) && Array.isArray(b))
    return a.length === b.length && a.every((item, index) => same(item, b[index]));
  if (!isObject(a) || !isObject(b)) return false;
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => key in b && same(a[key], b[key]));
}

export function isObject(value: Json | undefined): value is Record<string, Json> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function join(a: string, b: string): string {
  return a === "" ? b : b === "" ? a : `${a}.${b}`;
}
