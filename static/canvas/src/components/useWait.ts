/** What a node of the shown run waits for, in words that keep in step with the time. */

import { useEffect, useState } from "react";

import { api } from "../api/client";
import { nodeRows } from "../live";
import type { NodeSummary } from "../model/summary";
import type { Waiting } from "../model/types";
import { tellingWait, waitingWords } from "../model/waiting";
import { useNow } from "./useNow";

/** Empty while the node does not wait. */
export function useWait(key: string, summary: NodeSummary | undefined): string {
  const waiting = summary?.status === "waiting" ? tellingWait(nodeRows(key)) : null;
  return useWaitWords(waiting);
}

export function useWaitWords(waiting: Waiting | null): string {
  const now = useNow(waiting?.for === "retry" ? 500 : 0);
  const graph = useChildGraph(waiting?.child ?? "");
  return waiting === null ? "" : waitingWords(waiting, now, graph);
}

/** Names of the graphs that child executions run: they never change. */
const names = new Map<string, string>();

/** The name of the graph that an execution runs; empty until it is known. */
export function useChildGraph(execution: string): string {
  const [, setKnown] = useState(0);
  useEffect(() => {
    if (execution === "" || names.has(execution)) return undefined;
    let wanted = true;
    void api.execution(execution).then((answer) => {
      if (!answer.ok) return;
      names.set(execution, answer.data.graph.name);
      if (wanted) setKnown((count) => count + 1);
    });
    return () => {
      wanted = false;
    };
  }, [execution]);
  return names.get(execution) ?? "";
}
