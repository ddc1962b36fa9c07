import { expect, test } from "vitest";

import { join, port, smallSpec, split } from "../testing/store";
import { asksForMember, linkFit, portType, suggestedMember, typesFit, typesOf, type PortType } from "./validate";

const ports = (key: string) => (key === "split" ? split : join);
const link = (source_port: string, sink_port: string) => ({ source: "split", source_port, sink: "join", sink_port });
const set = (...types: PortType[]) => new Set(types);

test.each([
  [{ type: "integer" }, ["number"]],
  [{ anyOf: [{ type: "string" }, { type: "null" }] }, ["text"]],
  [{ type: ["string", "number"] }, ["text", "number"]],
  [{ enum: ["a", "b"] }, ["text"]],
  [{ $ref: "#/$defs/Row", $defs: { Row: { type: "object" } } }, ["object"]],
  [{}, ["any"]],
])("types of %j are %j", (schema, types) => {
  expect([...typesOf(schema)]).toEqual(types);
});

test("a port of one type has that type, one of several has any", () => {
  expect(portType(port("x", { type: "boolean" }))).toBe("boolean");
  expect(portType(port("x", { type: ["string", "number"] }))).toBe("any");
  expect(portType(port("x", { type: "string" }, { kind: "collect" }))).toBe("list");
});

test.each([
  [set("number"), set("number"), "ok"],
  [set("any"), set("object"), "ok"],
  [set("object"), set("text"), "converts"],
  [set("text"), set("number"), "converts"],
  [set("number"), set("list"), "converts"],
  [set("list"), set("number"), "refused"],
  [set("boolean"), set("number"), "refused"],
])("%j into %j is %s", (from, to, fit) => {
  expect(typesFit(from, to).fit).toBe(fit);
});

test("the same link twice is refused, another port is not", () => {
  expect(linkFit(smallSpec, ports, link("parts", "items")).fit).toBe("refused");
  expect(linkFit(smallSpec, ports, link("part", "separator")).fit).toBe("ok");
  expect(linkFit(smallSpec, ports, link("parts", "nothing")).fit).toBe("refused");
});

test("single values into a list ask for their place in it", () => {
  expect(asksForMember(ports, link("part", "items"))).toBe(true);
  expect(asksForMember(ports, link("parts", "items"))).toBe(false);
  expect(suggestedMember(smallSpec, ports, link("part", "items"))).toBe("0");
});
