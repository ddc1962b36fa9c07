/** Which run of a node Input, Output and Log show, and its values. */

import { useEffect, useMemo, useState } from "react";

import { api } from "../../api/client";
import { liveGeneration, nodeRows, nodeSummary, subscribeNode } from "../../live";
import { rowsInOrder, tellingRow } from "../../model/run";
import type { NodeRow, NodeRowDetail, ProblemDetails } from "../../model/types";
import { useStore } from "../../store";

export interface RowChoice {
  /** All runs of the node in item order. */
  rows: readonly NodeRow[];
  row: NodeRow | undefined;
  /** Values of `row`, or of its state before the last change until the new ones are here. */
  detail: NodeRowDetail | null;
  problem: ProblemDetails | null;
  retry: () => void;
}

export function useRowChoice(nodeKey: string): RowChoice {
  const execution = useStore((state) => state.run.execution?.id ?? null);
  const rowId = useStore((state) => state.ui.rowId);
  const unordered = useSlowRows(nodeKey);
  const rows = useMemo(() => rowsInOrder(unordered), [unordered]);
  const row = useMemo(() => rows.find((one) => one.id === rowId) ?? tellingRow(rows), [rows, rowId]);
  return { rows, row, ...useDetail(execution, row) };
}

const NO_ROWS: readonly NodeRow[] = [];

/** Rows change up to sixty times a second while a loop runs; a list of thousands need not. */
function pauseFor(rows: number): number {
  return rows <= 20 ? 0 : Math.min(2000, 200 + rows / 10);
}

function useSlowRows(nodeKey: string): readonly NodeRow[] {
  const [{ rows, of }, setRows] = useState(() => ({ rows: nodeRows(nodeKey), of: liveGeneration() }));
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const update = (): void => {
      timer = undefined;
      setRows({ rows: nodeRows(nodeKey), of: liveGeneration() });
    };
    const soon = (): void => {
      timer ??= setTimeout(update, pauseFor(nodeSummary(nodeKey)?.rows ?? 0));
    };
    soon();
    const unsubscribe = subscribeNode(nodeKey, soon);
    return () => {
      unsubscribe();
      clearTimeout(timer);
    };
  }, [nodeKey]);
  // Until the rows of another run are here, those of the last one are none of it.
  return of === liveGeneration() ? rows : NO_ROWS;
}

/** Values that were read, by row and state of the row; the oldest go first. */
const read = new Map<string, NodeRowDetail>();
const KEPT = 40;

function keep(key: string, detail: NodeRowDetail): void {
  read.set(key, detail);
  const [oldest] = read.keys();
  if (read.size > KEPT && oldest !== undefined) read.delete(oldest);
}

interface Loaded {
  row: string;
  key: string;
  detail: NodeRowDetail | null;
  problem: ProblemDetails | null;
}

function useDetail(
  execution: string | null,
  row: NodeRow | undefined,
): Pick<RowChoice, "detail" | "problem" | "retry"> {
  const [loaded, setLoaded] = useState<Loaded | null>(null);
  const [tries, setTries] = useState(0);
  const id = row?.id ?? "";
  const key = row && execution !== null ? `${execution}/${id}/${row.seq}` : "";
  useEffect(() => {
    if (key === "" || execution === null || read.has(key)) return undefined;
    let wanted = true;
    void api.nodeRow(execution, id).then((answer) => {
      if (answer.ok) keep(key, answer.data);
      if (!wanted) return;
      setLoaded({ row: id, key, detail: answer.ok ? answer.data : null, problem: answer.ok ? null : answer.problem });
    });
    return () => {
      wanted = false;
    };
  }, [execution, id, key, tries]);
  const earlier = loaded?.row === id ? loaded : null;
  return {
    detail: read.get(key) ?? earlier?.detail ?? null,
    problem: earlier?.key === key ? earlier.problem : null,
    retry: () => setTries(tries + 1),
  };
}
