/** What mends a problem with one press. */

import type { Join, Operation, Problem } from "./types";

export interface Fix {
  label: string;
  title: string;
  operation: Operation;
}

export const JOINS: Readonly<Record<Join, { label: string; hint: string }>> = {
  match: { label: "Match", hint: "Values of the same item of the same loop come together." },
  zip: {
    label: "Pair by position (zip)",
    hint: "First with first, second with second; what one side lacks is left out.",
  },
  cross: { label: "Every combination (cross)", hint: "Each value of one loop with each value of the other." },
};

export function fixes(problem: Problem): Fix[] {
  if (problem.code !== "crossing_loops" || problem.node === "") return [];
  return (["zip", "cross"] as const).map((join) => ({
    label: JOINS[join].label,
    title: JOINS[join].hint,
    operation: { op: "set_join", key: problem.node, join },
  }));
}
