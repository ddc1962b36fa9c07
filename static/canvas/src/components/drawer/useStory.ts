/** The events of the shown run, made anew a few times a second at most. */

import { useEffect, useMemo, useState } from "react";

import { liveKeys, nodeRows, subscribeLive } from "../../live";
import { runNotes, story, type StoryLine } from "../../model/run";
import type { Execution, NodeRow } from "../../model/types";
import { useStore } from "../../store";

/** Milliseconds between two tellings: the longer the run, the longer sorting it takes. */
function pauseFor(rows: number): number {
  return Math.min(5000, 250 + rows / 10);
}

function allRows(): NodeRow[] {
  return liveKeys().flatMap((key) => [...nodeRows(key)]);
}

export function useStory(execution: Execution): StoryLine[] {
  const events = useStore((state) => state.run.events);
  const rows = useSlowRows(execution.id);
  return useMemo(() => story(rows, [...runNotes(execution), ...events]), [rows, execution, events]);
}

function useSlowRows(execution: string): NodeRow[] {
  const [rows, setRows] = useState(allRows);
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    let pause = 0;
    const update = (): void => {
      timer = undefined;
      const now = allRows();
      pause = pauseFor(now.length);
      setRows(now);
    };
    const soon = (): void => {
      timer ??= setTimeout(update, pause);
    };
    soon();
    const unsubscribe = subscribeLive(soon);
    return () => {
      unsubscribe();
      clearTimeout(timer);
    };
  }, [execution]);
  return rows;
}
