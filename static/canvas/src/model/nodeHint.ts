/** What a node is set to, in a few words: shown at its bottom until it has run. */

import { problemField } from "./graph";
import type { Json, JsonObject, NodeSpec, Problem } from "./types";

const LONGEST = 60;

const CALCULATIONS: Readonly<Record<string, string>> = {
  add: "a + b",
  subtract: "a − b",
  multiply: "a × b",
  divide: "a ÷ b",
  power: "a to the power b",
  modulo: "rest of a ÷ b",
  min: "the smaller of a, b",
  max: "the larger of a, b",
};
const COMPARISONS: Readonly<Record<string, string>> = {
  "==": "=",
  "!=": "≠",
  "<=": "≤",
  ">=": "≥",
  is_empty: "is empty",
  is_true: "is true",
};
const UNARY: ReadonlySet<string> = new Set(["is_empty", "is_true"]);

function text(value: Json | undefined): string {
  if (value === undefined || value === null) return "";
  const line = (typeof value === "string" ? value : JSON.stringify(value)).replace(/\s+/g, " ").trim();
  return line.length > LONGEST ? `${line.slice(0, LONGEST - 1)}…` : line;
}

function comparison(config: JsonObject): string {
  const operator = text(config.operator) || "==";
  const left = text(config.value) || "value";
  const sign = COMPARISONS[operator] ?? operator;
  return UNARY.has(operator) ? `${left} ${sign}` : `${left} ${sign} ${text(config.other) || "other"}`;
}

function fallback(config: JsonObject, more: string): string {
  const initial = text(config.default);
  return initial === "" ? more : `${more}, ${initial} if not given`;
}

/** Blocks whose settings read better in their own words. */
const WORDS: Readonly<Record<string, (config: JsonObject) => string>> = {
  // The graph's name stands there instead of its number.
  "graph.run": () => "",
  "logic.fold": () => "",
  "io.input": (config) => fallback(config, text(config.name)),
  "io.output": (config) => text(config.name),
  "core.delay": (config) => ("seconds" in config ? `${text(config.seconds)} s` : ""),
  "core.template": (config) => firstLine(config.template),
  "logic.if": comparison,
  "logic.switch": (config) => Object.keys(asObject(config.cases)).join(", "),
  "math.calculate": (config) => CALCULATIONS[text(config.operation) || "add"] ?? "",
  "dict.get": (config) => text(config.key),
  "dict.set": (config) => text(config.key),
  "data.csv": (config) => text(config.file).replace(/^.*\//, ""),
  "ai.chat": (config) => text(config.model),
  "web.request": (config) => `${text(config.method) || "GET"} ${text(config.url).replace(/^https?:\/\//, "")}`.trim(),
};

/** The first line with something in it, without the mark of a heading. */
function firstLine(value: Json | undefined): string {
  if (typeof value !== "string") return text(value);
  return text(value.split("\n").find((line) => line.trim() !== "") ?? "").replace(/^#+ /, "");
}

function asObject(value: Json | undefined): JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? value : {};
}

/** One line; empty when there is nothing worth saying. */
export function nodeHint(node: NodeSpec | undefined): string {
  if (!node) return "";
  const words = WORDS[node.block];
  if (words) return words(node.config);
  const first = Object.values(node.config).find((value) => text(value) !== "");
  return text(first);
}

/** A problem in the few words that fit below its node. */
export function problemHint(problem: Problem): string {
  const field = problemField(problem);
  return problem.code === "missing_input" && field !== "" ? `${field} needs a value or link` : problem.detail;
}
