import { expect, test } from "vitest";

import { costWords, usageWords } from "./usage";

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

test.each([
  [null, null, ""],
  ["0.600000", null, "cost $0.60"],
  ["0.004200", "12.5", "cost $0.0042, and $12.50 in the graphs that it ran"],
  [null, "0.100000", "$0.10 in the graphs that it ran"],
])("%j and %j read %s", (own, below, words) => {
  expect(costWords(own, below)).toBe(words);
});
