/** The inputs that a graph asks for: one per `io.input` node. */

import { checkValue, fieldErrors } from "./fieldValue";
import { shapeOf, TYPES, type Field, type Shape } from "./schemaForm";
import type { GraphSpec, Json, JsonObject, NodeSpec, Schema } from "./types";

export interface RunInput {
  /** Key of the node. */
  node: string;
  /** The type's name as people read it; empty for any. */
  type: string;
  field: Field;
}

/** Inputs in the order of their nodes; of two with one name the first counts. */
export function inputFields(spec: GraphSpec): RunInput[] {
  const seen = new Set<string>();
  return spec.nodes
    .filter((node) => node.block === "io.input")
    .map(inputOf)
    .filter(({ field }) => field.name !== "" && !seen.has(field.name) && seen.add(field.name));
}

function inputOf(node: NodeSpec): RunInput {
  const { config } = node;
  const type = textOf(config.type);
  const name = textOf(config.name);
  const initial = config.default ?? undefined;
  return {
    node: node.key,
    type: type === "any" ? "" : type,
    field: {
      name,
      title: name,
      description: textOf(config.description),
      placeholder: "",
      required: config.required === true && initial === undefined,
      initial,
      shape: inputShape(TYPES[type] ?? {}, initial),
      typedBy: "",
      setting: false,
    },
  };
}

/** Long texts get a large box; a yes/no without a default may stay open. */
function inputShape(schema: Schema, initial: Json | undefined): Shape {
  const long = typeof initial === "string" && (initial.length > 60 || initial.includes("\n"));
  const shape = shapeOf(long && schema.type === "string" ? { ...schema, "x-widget": "textarea" } : schema);
  return shape.kind === "toggle" && initial === undefined ? { kind: "nullable", shape } : shape;
}

function textOf(value: Json | undefined): string {
  return typeof value === "string" ? value : "";
}

/** Values to start from: those of the last run where they still fit. Defaults are left to the server. */
export function startValues(inputs: readonly RunInput[], remembered: JsonObject): JsonObject {
  return Object.fromEntries(
    inputs.flatMap(({ field }) => {
      const value = remembered[field.name];
      return value !== undefined && checkValue(field.shape, value).length === 0 ? [[field.name, value]] : [];
    }),
  );
}

/** The first thing wrong with each input, by name. */
export function wrongInputs(inputs: readonly RunInput[], values: JsonObject): Map<string, string> {
  const wrong = new Map<string, string>();
  for (const { field } of inputs) {
    const [first] = fieldErrors(field, values[field.name]);
    if (first) wrong.set(field.name, first.at === "" ? first.message : `${first.at}: ${first.message}`);
  }
  return wrong;
}

/** The input that a pointer of a refused start names: `#/inputs/city` -> `city`. */
export function fieldPointer(pointer: string): string {
  const name = /^#?\/inputs\/([^/]+)/.exec(pointer)?.[1] ?? "";
  return name.replaceAll("~1", "/").replaceAll("~0", "~");
}
