import { expect, test } from "vitest";

import { randomJson, seeded } from "../testing/random";
import { branchWords, columnsOf, oneLine, sizeWords } from "./preview";

test("a value on one line never exceeds its length", () => {
  const random = seeded(6);
  for (let k = 0; k < 500; k += 1) {
    expect(oneLine(randomJson(random, 4), 40).length).toBeLessThanOrEqual(40);
  }
});

test("small values are shown whole", () => {
  expect(oneLine({ a: [1, "x"], b: null })).toBe('{a: [1, "x"], b: null}');
});

test("a list of objects has columns by first appearance", () => {
  expect(columnsOf([{ b: 1, a: 2 }, { c: 3 }])).toEqual(["b", "a", "c"]);
});

test.each([[[]], [[1, 2]], [[{ a: 1 }, 2]], [{ a: 1 }], [[{}]]])("%j is no table", (value) => {
  expect(columnsOf(value)).toBeNull();
});

test("sizes are told in words", () => {
  expect([branchWords([1]), branchWords({ a: 1, b: 2 }), sizeWords([1, 2], 4200), sizeWords(true)]).toEqual([
    "list, 1 item",
    "object, 2 keys",
    "list, 2 items, 4.2 kB",
    "yes/no",
  ]);
});
