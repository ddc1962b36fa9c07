import { expect, test } from "vitest";

import { usageWords } from "./usage";

test.each([
  [{}, ""],
  [{ model: "small" }, ""],
  [{ input_tokens: 1204, output_tokens: 310, tokens: 1514, model: "small" }, "small: 1,204 tokens in, 310 out"],
  [{ output_tokens: 1 }, "1 token out"],
  [{ tokens: 7 }, "7 tokens"],
  [{ items: 3, bytes: 2100, usd: 0.0123 }, "3 items, 2.1 kB, $0.0123"],
])("%j reads %s", (usage, words) => {
  expect(usageWords(usage)).toBe(words);
});
