import { expect, test } from "vitest";

import { fixes } from "./fixes";
import type { Problem } from "./types";

const problem: Problem = {
  code: "crossing_loops",
  pointer: "#/links/2",
  detail: "Two loops meet.",
  node: "join",
  link: 2,
  severity: "error",
};

test("two loops that meet are paired or combined", () => {
  expect(fixes(problem).map((fix) => fix.operation)).toEqual([
    { op: "set_join", key: "join", join: "zip" },
    { op: "set_join", key: "join", join: "cross" },
  ]);
});

test("other problems are mended by hand", () => {
  expect(fixes({ ...problem, code: "missing_input" })).toEqual([]);
});
