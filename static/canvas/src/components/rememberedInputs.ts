/** The inputs of the last run of each graph, in this browser. */

import type { JsonObject } from "../model/types";

/** Large inputs (whole files) are not worth the room. */
const MOST_CHARACTERS = 50_000;

function place(graph: number): string {
  return `agentflow.inputs.${graph}`;
}

export function rememberedInputs(graph: number): JsonObject {
  try {
    const value: unknown = JSON.parse(localStorage.getItem(place(graph)) ?? "{}");
    return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as JsonObject) : {};
  } catch {
    return {};
  }
}

export function rememberInputs(graph: number, inputs: JsonObject): void {
  const text = JSON.stringify(inputs);
  try {
    if (text.length <= MOST_CHARACTERS) localStorage.setItem(place(graph), text);
  } catch {
    // Storage is full or forbidden: the next dialog starts from the defaults.
  }
}
