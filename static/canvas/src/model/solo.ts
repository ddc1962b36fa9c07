/** The inputs of one node that is run alone. */

import { shapeOf, type Field } from "./schemaForm";
import type { Json, JsonObject, NodeRowDetail, Port } from "./types";

export interface SoloField {
  field: Field;
  /** Linked or needed: shown first, and always given. */
  main: boolean;
  /** What it was in the shown run, or is in the config. */
  recorded: Json | undefined;
  /** Bytes of a recorded value of which only the beginning is known; 0: it is here. */
  cut: number;
}

export function soloFields(
  ports: readonly Port[],
  linked: ReadonlySet<string>,
  config: JsonObject,
  detail: Pick<NodeRowDetail, "inputs" | "cut_inputs"> | null,
): SoloField[] {
  return ports.map((port) => {
    const cut = detail?.cut_inputs?.[port.name] ?? 0;
    return {
      field: fieldOf(port),
      main: linked.has(port.name) || (port.required && !(port.name in config)),
      recorded: cut > 0 ? undefined : (detail?.inputs[port.name] ?? config[port.name]),
      cut,
    };
  });
}

/** A port that collects takes the list of its values when nothing is linked to it. */
function fieldOf(port: Port): Field {
  const many = port.kind === "collect" || port.kind === "gather";
  return {
    name: port.name,
    title: port.title || port.name,
    description: port.description,
    placeholder: "",
    required: port.required,
    initial: port.required ? undefined : port.default,
    shape: many ? { kind: "any", options: [] } : shapeOf(port.schema),
    typedBy: "",
    setting: false,
  };
}

/** What to send: the main inputs as they stand, of the others only what was changed; the config has the rest. */
export function soloInputs(fields: readonly SoloField[], changed: JsonObject): JsonObject {
  return Object.fromEntries(
    fields.flatMap(({ field, main, recorded }): [string, Json][] => {
      const value = changed[field.name] ?? (main ? recorded : undefined);
      return value === undefined ? [] : [[field.name, value]];
    }),
  );
}
