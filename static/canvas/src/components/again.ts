/** Running again from the shown run, with the words that go with it. */

import { changedSince } from "../actions/run";
import type { RetryChoice } from "../model/rerun";
import type { State } from "../state";
import { actions } from "../store";

/** Runs again; a refusal is said. */
export async function again(choice: RetryChoice): Promise<void> {
  const problem = await actions().retry(choice);
  if (problem) actions().toast({ tone: "error", text: problem.errors[0]?.detail ?? problem.detail });
}

/** What is run again is the version that ran, not what was drawn since. */
export function oldVersionNote(state: State): string {
  const { execution } = state.run;
  const changed = state.graph.view === null ? changedSince(state) : "";
  return execution && changed
    ? `Runs version ${execution.version} as it ran. Changed since: ${changed}. “Run only what changed” takes them in.`
    : "";
}
