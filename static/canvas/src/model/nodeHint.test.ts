import { expect, test } from "vitest";

import { nodeHint } from "./nodeHint";
import type { JsonObject } from "./types";

const hint = (block: string, config: JsonObject = {}): string => nodeHint({ key: "node", block, config });

test.each([
  ["math.calculate", { operation: "multiply", decimals: 2 }, "a × b"],
  ["math.calculate", {}, "a + b"],
  ["logic.if", { operator: ">=" }, "value ≥ other"],
  ["logic.if", { operator: "is_empty" }, "value is empty"],
  ["logic.if", { value: 3, other: 0 }, "3 = 0"],
  ["io.input", { name: "minimum", type: "number", default: 20 }, "minimum, 20 if not given"],
  ["data.csv", { file: "examples/sales.csv" }, "sales.csv"],
  ["web.request", { url: "https://example.com/a" }, "GET example.com/a"],
  ["core.template", { template: "# Report\n\n{{ rows }}" }, "Report"],
  ["logic.for_each", {}, ""],
  ["text.split", { separator: ";" }, ";"],
])("%s %j reads %s", (block, config, expected) => {
  expect(hint(block, config as JsonObject)).toBe(expected);
});
