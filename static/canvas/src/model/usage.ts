/** What a run has used, in words. */

import { bytes, count, dollars } from "./format";
import type { Usage } from "./types";

/** `gpt-4o-mini: 1,204 tokens in, 310 out`; empty when the block says nothing. */
export function usageWords(usage: Usage): string {
  const amounts = [
    ...tokenWords(usage),
    usage.items === undefined ? "" : count(usage.items, "item"),
    usage.bytes === undefined ? "" : bytes(usage.bytes),
    usage.usd === undefined ? "" : `$${usage.usd.toFixed(usage.usd < 0.1 ? 4 : 2)}`,
  ];
  const words = amounts.filter((word) => word !== "").join(", ");
  return usage.model !== undefined && words !== "" ? `${usage.model}: ${words}` : words;
}

/** `cost $0.60, and $0.10 in the graphs that it ran`; empty when nothing cost anything. */
export function costWords(own: string | null, below: string | null): string {
  const first = own === null ? "" : `cost ${dollars(own)}`;
  if (below === null) return first;
  return first === ""
    ? `${dollars(below)} in the graphs that it ran`
    : `${first}, and ${dollars(below)} in the graphs that it ran`;
}

function tokenWords({ input_tokens: given, output_tokens: got, tokens }: Usage): string[] {
  if (given === undefined && got === undefined) return tokens === undefined ? [] : [count(tokens, "token")];
  const first = given === undefined ? "" : `${count(given, "token")} in`;
  const second =
    got === undefined ? "" : given === undefined ? `${count(got, "token")} out` : `${got.toLocaleString("en")} out`;
  return [first, second];
}
