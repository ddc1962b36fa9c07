import { expect, test } from "vitest";

import { countWords, steps } from "./runs";

test("a handled failure is a step that is over, a waiting one is known", () => {
  expect(steps({ completed: 2, handled: 1, waiting: 1, queued: 1 })).toEqual({ done: 3, known: 5 });
});

test("what went otherwise is told, nothing else", () => {
  const words = countWords({ total: 1239, completed: 3, failed: 1, handled: 0, skipped: 1234, waiting: 1 });
  expect(words.map(({ text }) => text)).toEqual(["1 failed", "1 waiting", "1,234 skipped"]);
});
