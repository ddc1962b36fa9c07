/** A block's JSON Schema, as pydantic writes it, as a description of form fields. */

import type { Json, Schema } from "./types";

export type TextWidget = "line" | "textarea" | "template" | "code";

export interface Option {
  readonly value: Json;
  readonly label: string;
}

export interface TextShape {
  readonly kind: "text";
  readonly widget: TextWidget;
  readonly minLength: number;
  readonly maxLength: number;
  readonly pattern: string;
}

export interface NumberShape {
  readonly kind: "number";
  readonly integer: boolean;
  readonly minimum: number;
  readonly maximum: number;
  /** Exclusive bounds. */
  readonly above: number;
  readonly below: number;
}

export interface ListShape {
  readonly kind: "list";
  readonly item: Shape;
  readonly minItems: number;
  readonly maxItems: number;
}

export interface ObjectShape {
  readonly kind: "object";
  readonly fields: readonly Field[];
  /** Whether members beside the fields are allowed. */
  readonly extra: boolean;
}

/** What a value may look like, reduced to what a form can show. */
export type Shape =
  | TextShape
  | NumberShape
  | { readonly kind: "toggle" }
  /** The id of another graph. */
  | { readonly kind: "graph" }
  /** The id of a credential of one of these kinds; null: none. */
  | { readonly kind: "credential"; readonly kinds: readonly string[] }
  | { readonly kind: "select"; readonly options: readonly Option[] }
  | ListShape
  | ObjectShape
  | { readonly kind: "map"; readonly value: Shape }
  | { readonly kind: "any"; readonly options: readonly Shape[] }
  | { readonly kind: "nullable"; readonly shape: Shape };

export interface Field {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly placeholder: string;
  readonly required: boolean;
  /** Undefined: the schema names no default. */
  readonly initial: Json | undefined;
  readonly shape: Shape;
  /** Name of the field whose value names this one's type (a key of `TYPES`), else empty. */
  readonly typedBy: string;
  /** Seldom changed: shown after the others. */
  readonly setting: boolean;
}

/** Schemas of the types that people choose by name, as for the inputs of a graph. */
export const TYPES: Readonly<Record<string, Schema>> = {
  text: { type: "string" },
  number: { type: "number" },
  integer: { type: "integer" },
  boolean: { type: "boolean" },
  list: { type: "array" },
  dict: { type: "object" },
};

/** Deeper schemas (recursive ones too) are edited as JSON. */
const MAX_DEPTH = 4;

const ANY: Shape = { kind: "any", options: [] };

/** Fields of an object schema, in the order of its properties. */
export function fieldsOf(schema: Schema): Field[] {
  const target = resolve(schema, schema);
  return objectFields(target, schema, 0);
}

/** The shape of one schema; `root` holds the `$defs` that its references name. */
export function shapeOf(schema: Schema, root: Schema = schema): Shape {
  return shapeAt(schema, root, 0);
}

function objectFields(schema: Schema, root: Schema, depth: number): Field[] {
  const required = new Set(schema.required);
  return Object.entries(schema.properties ?? {}).map(([name, own]) => {
    const target = resolve(own, root);
    return {
      name,
      title: own.title ?? humanize(name),
      description: target.description ?? "",
      placeholder: target["x-placeholder"] ?? "",
      required: required.has(name),
      initial: target.default,
      shape: shapeAt(own, root, depth),
      typedBy: target["x-widget"] === "by-type" ? (target["x-type"] ?? "") : "",
      setting: target["x-widget"] === "setting",
    };
  });
}

function shapeAt(raw: Schema, root: Schema, depth: number): Shape {
  const schema = resolve(raw, root);
  if (depth > MAX_DEPTH) return ANY;
  if (schema.const !== undefined) return select([schema.const]);
  if (schema.enum) return select(schema.enum);
  const union = schema.anyOf ?? schema.oneOf;
  if (union) return unionShape(union, schema["x-widget"], root, depth);
  if (Array.isArray(schema.type)) {
    const members = schema.type.map((type) => ({ ...schema, type }));
    return unionShape(members, schema["x-widget"], root, depth);
  }
  return typedShape(schema, root, depth);
}

function typedShape(schema: Schema, root: Schema, depth: number): Shape {
  switch (schema.type) {
    case "string":
      return schema.format === "credential" ? { kind: "credential", kinds: schema.kinds ?? [] } : textShape(schema);
    case "integer":
      return schema.format === "graph" ? { kind: "graph" } : numberShape(schema);
    case "number":
      return numberShape(schema);
    case "boolean":
      return { kind: "toggle" };
    case "null":
      return select([null]);
    case "array":
      return listShape(schema, root, depth);
    case "object":
      return objectShape(schema, root, depth);
    default:
      return ANY;
  }
}

function textShape(schema: Schema): TextShape {
  const widget = schema["x-widget"];
  return {
    kind: "text",
    widget: widget === "textarea" || widget === "template" || widget === "code" ? widget : "line",
    minLength: schema.minLength ?? 0,
    maxLength: schema.maxLength ?? Infinity,
    pattern: schema.pattern ?? "",
  };
}

function numberShape(schema: Schema): NumberShape {
  return {
    kind: "number",
    integer: schema.type === "integer",
    minimum: schema.minimum ?? -Infinity,
    maximum: schema.maximum ?? Infinity,
    above: schema.exclusiveMinimum ?? -Infinity,
    below: schema.exclusiveMaximum ?? Infinity,
  };
}

function listShape(schema: Schema, root: Schema, depth: number): Shape {
  if (schema.prefixItems) return ANY;
  return {
    kind: "list",
    item: shapeAt(schema.items ?? {}, root, depth + 1),
    minItems: schema.minItems ?? 0,
    maxItems: schema.maxItems ?? Infinity,
  };
}

function objectShape(schema: Schema, root: Schema, depth: number): Shape {
  const extra = schema.additionalProperties;
  if (schema.properties) {
    return { kind: "object", fields: objectFields(schema, root, depth + 1), extra: extra !== false };
  }
  return { kind: "map", value: typeof extra === "object" ? shapeAt(extra, root, depth + 1) : ANY };
}

/** `T | null` is a nullable T; numbers and choices merge; anything else is written as JSON and checked against each. */
function unionShape(members: readonly Schema[], widget: string | undefined, root: Schema, depth: number): Shape {
  const resolved = members.map((member) => resolve(member, root));
  const real = resolved.filter((member) => member.type !== "null");
  const shapes = real.map((member) =>
    shapeAt(widget === undefined ? member : { "x-widget": widget, ...member }, root, depth),
  );
  const shape = mergeShapes(shapes);
  if (real.length === resolved.length || shape.kind === "credential") return shape;
  return shape.kind === "any" ? withNull(shape) : { kind: "nullable", shape };
}

function withNull(shape: Extract<Shape, { kind: "any" }>): Shape {
  return shape.options.length === 0 ? shape : { kind: "any", options: [...shape.options, select([null])] };
}

function mergeShapes(shapes: readonly Shape[]): Shape {
  const [first] = shapes;
  if (first === undefined) return select([null]);
  if (shapes.length === 1) return first;
  if (shapes.some((shape) => shape.kind === "any" && shape.options.length === 0)) return ANY;
  if (shapes.every((shape) => shape.kind === "select")) {
    return { kind: "select", options: shapes.flatMap((shape) => shape.options) };
  }
  if (shapes.every((shape) => shape.kind === "number")) return shapes.find((shape) => !shape.integer) ?? first;
  return { kind: "any", options: shapes };
}

function select(values: readonly Json[]): Shape {
  return { kind: "select", options: values.map((value) => ({ value, label: optionLabel(value) })) };
}

function optionLabel(value: Json): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** Follows `$ref`, and `allOf` of one as pydantic writes it, inside the document; keywords beside the reference win. */
function resolve(schema: Schema, root: Schema, hops = 0): Schema {
  const next =
    schema.$ref !== undefined ? pointed(root, schema.$ref) : schema.allOf?.length === 1 ? schema.allOf[0] : undefined;
  if (next === undefined || hops > 8) return schema;
  const merged = { ...resolve(next, root, hops + 1), ...schema };
  delete merged.$ref;
  delete merged.allOf;
  return merged;
}

function pointed(root: Schema, reference: string): Schema | undefined {
  const name = /^#\/\$defs\/([^/]+)$/.exec(reference)?.[1];
  return name === undefined ? undefined : root.$defs?.[name.replaceAll("~1", "/").replaceAll("~0", "~")];
}

/** What a new list item, a new map entry or an object made by hand starts with. */
export function emptyValue(shape: Shape): Json {
  switch (shape.kind) {
    case "text":
    case "any":
      return "";
    case "number":
      return Number.isFinite(shape.minimum) ? shape.minimum : 0;
    case "toggle":
      return false;
    case "graph":
    case "credential":
      return null;
    case "select":
      return shape.options[0]?.value ?? null;
    case "list":
      return [];
    case "object":
      return Object.fromEntries(
        shape.fields
          .filter((field) => field.required)
          .map((field) => [field.name, field.initial ?? emptyValue(field.shape)]),
      );
    case "map":
      return {};
    case "nullable":
      return null;
  }
}

/** "a number", "text": the words for a shape in a sentence. */
export function shapeName(shape: Shape): string {
  switch (shape.kind) {
    case "text":
      return "text";
    case "number":
      return shape.integer ? "a whole number" : "a number";
    case "toggle":
      return "yes or no";
    case "graph":
      return "a graph";
    case "credential":
      return "a credential";
    case "select":
      return shape.options.length === 1 ? (shape.options[0]?.label ?? "") : `one of ${optionNames(shape.options)}`;
    case "list":
      return "a list";
    case "object":
    case "map":
      return "an object";
    case "any":
      return "any value";
    case "nullable":
      return shapeName(shape.shape);
  }
}

export function optionNames(options: readonly Option[]): string {
  return options.map((option) => option.label).join(", ");
}

/** "first_name" → "First name". */
export function humanize(name: string): string {
  const words = name.replaceAll("_", " ").trim();
  return words.charAt(0).toUpperCase() + words.slice(1);
}
