/** Random test data from a seed, so that a failing case can be run again. */

import type { Json } from "../model/types";

export type Random = (below: number) => number;

/** Whole numbers below a bound; the same seed gives the same numbers (mulberry32). */
export function seeded(seed: number): Random {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 4294967296) * below);
  };
}

const TEXTS = ["", " ", "a", "5", "-1.5", "true", "null", "[", '{"a"', '"', "a\nb", "[1]", "ä€😀", "{{ x }}", "1,5"];

/** Any JSON value, nested up to `depth`. */
export function randomJson(random: Random, depth = 3): Json {
  switch (random(depth > 0 ? 6 : 4)) {
    case 0:
      return null;
    case 1:
      return random(2) === 0;
    case 2:
      return (random(2000) - 1000) / (random(3) + 1);
    case 3:
      return TEXTS[random(TEXTS.length)] ?? "";
    case 4:
      return Array.from({ length: random(4) }, () => randomJson(random, depth - 1));
    default:
      return Object.fromEntries(Array.from({ length: random(4) }, (_, k) => [`k${k}`, randomJson(random, depth - 1)]));
  }
}

export function shuffled<T>(random: Random, items: readonly T[]): T[] {
  const result = [...items];
  for (let k = result.length - 1; k > 0; k -= 1) {
    const other = random(k + 1);
    [result[k], result[other]] = [result[other] as T, result[k] as T];
  }
  return result;
}
