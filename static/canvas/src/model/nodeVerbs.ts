/** What can be done again with a node of the shown run, and why not. */

import { isFinal } from "./runs";
import { mayRun, type State } from "../state";

/** Why nothing can be run again from the shown run; empty when it can. */
export function whyNotAgain(state: State): string {
  const { execution } = state.run;
  if (!mayRun(state)) return "Only runners and editors may run this graph.";
  if (execution === null) return "Run the graph once: this starts from an earlier run.";
  return isFinal(execution.status) ? "" : "The run is still going on.";
}

/** The shown run can be taken up where it failed or was cancelled. */
export function canRetry(state: State): boolean {
  const { execution } = state.run;
  return whyNotAgain(state) === "" && (execution?.status === "failed" || execution?.status === "cancelled");
}
