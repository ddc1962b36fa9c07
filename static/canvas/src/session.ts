/** Joins the page to the server: boot data in, sockets open, the run that the address names shown. */

import type { Draft } from "./draft";
import { isFinal, mergeRuns } from "./model/runs";
import type { Boot, Execution, GraphMessage } from "./model/types";
import { actions, fill, startDraft, useStore } from "./store";
import { configureSockets, watchGraph } from "./watch";

/** Reads the page's `json_script`. */
export function readBoot(): Boot {
  const element = document.getElementById("boot");
  return JSON.parse(element?.textContent ?? "null") as Boot;
}

/** A run that somebody or something started while nobody looks at another one is shown on the draft. */
function followNew(executions: readonly Execution[]): void {
  const { run, graph } = useStore.getState();
  const free = run.execution === null || isFinal(run.execution.status);
  const live = executions.find((one) => !isFinal(one.status));
  if (!free || graph.view !== null || run.starting || !live || live.id === run.execution?.id) return;
  if (live.version !== graph.latestVersion)
    useStore.setState({ graph: { ...graph, latestVersion: Math.max(live.version, graph.latestVersion ?? 0) } });
  void actions().openRun(live.id, { overDraft: true });
}

function take(draft: Draft, message: GraphMessage, follows: boolean): void {
  if (message.type === "edits") {
    draft.receive(message.edits);
    return;
  }
  const { run, graph } = useStore.getState();
  // A page that the browser kept may not know of versions that have run since.
  const latestVersion = Math.max(graph.latestVersion ?? 0, ...message.executions.map((one) => one.version)) || null;
  useStore.setState({
    run: { ...run, recent: mergeRuns(run.recent, message.executions) },
    graph: { ...graph, latestVersion },
  });
  if (follows) followNew(message.executions);
}

export function beginSession(boot: Boot): void {
  fill(boot);
  configureSockets(boot.urls.ws);
  void actions().loadCatalogue();
  void actions().loadPublished();
  const draft = startDraft(boot);
  if (boot.execution !== null) void actions().openRun(boot.execution);
  watchGraph({
    id: boot.graph.id,
    since: () => useStore.getState().graph.revision,
    // The page of one run stays with it.
    onMessage: (message) => take(draft, message, boot.execution === null),
  });
}
