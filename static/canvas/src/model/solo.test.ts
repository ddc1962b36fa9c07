import { expect, test } from "vitest";

import { port } from "../testing/store";
import { soloFields, soloInputs } from "./solo";

const ports = [port("text", { type: "string" }, { required: true }), port("separator"), port("limit")];

function fields(cut: Record<string, number> = {}) {
  const detail = { inputs: { text: "a,b", separator: ";" }, cut_inputs: cut };
  return soloFields(ports, new Set(["text"]), { separator: ";" }, detail);
}

test("linked inputs come first and are always sent", () => {
  expect(fields().map((one) => [one.field.name, one.main, one.recorded])).toEqual([
    ["text", true, "a,b"],
    ["separator", false, ";"],
    ["limit", false, undefined],
  ]);
  expect(soloInputs(fields(), {})).toEqual({ text: "a,b" });
});

test("changes are sent, the rest has the config", () => {
  expect(soloInputs(fields(), { text: "x", limit: "3" })).toEqual({ text: "x", limit: "3" });
});

test("the beginning of a large value is not sent as if it were the value", () => {
  expect(soloInputs(fields({ text: 90_000 }), {})).toEqual({});
});
