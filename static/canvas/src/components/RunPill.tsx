/** The shown run in one line, at the top of the canvas. */

import { PanelBottom, RotateCcw, X } from "lucide-react";
import { useEffect, useRef, useState } from "react";

import { liveKeys, nodeRows, nodeSummary, useLiveVersion } from "../live";
import { duration, elapsed, shortId } from "../model/format";
import { heldUpWords } from "../model/recovery";
import { failureText, statusWord } from "../model/run";
import { canRetry } from "../model/nodeVerbs";
import { countWords, isFinal, steps } from "../model/runs";
import type { Counts, Execution, Waiting } from "../model/types";
import { tellingWait } from "../model/waiting";
import { actions, useStore } from "../store";
import { shownSpec } from "../state";
import { IconButton } from "./Button";
import { again } from "./again";
import { StatusMark } from "./StatusBadge";
import { Tally } from "./Tally";
import { useNow } from "./useNow";
import { useWaitWords } from "./useWait";
import styles from "./RunPill.module.css";

export function RunPill() {
  const execution = useStore((state) => state.run.execution);
  const connection = useStore((state) => state.run.connection);
  const heldUpBy = useStore((state) => state.run.heldUpBy);
  const drawerOpen = useStore((state) => state.ui.drawerOpen);
  const runPage = useStore((state) => state.runPage);
  const nodes = useStore((state) => shownSpec(state).nodes.length);
  const live = execution !== null && !isFinal(execution.status);
  const retry = useStore((state) => canRetry(state) && state.graph.view === null);
  const now = useNow(live ? 100 : 0);
  const wait = useRunWait(execution);
  if (!execution) return null;

  const { done, known: begun } = steps(execution.counts);
  // Nodes that nothing has reached yet count once each; a loop's items are known when they arrive.
  const known = Math.max(begun, begun + nodes - liveKeys().length);
  const time = elapsed(execution.started_at, execution.ended_at, now);
  const text = failureText(execution.error);
  return (
    <div className={styles.pill} data-status={execution.status}>
      <StatusMark status={execution.status} size={17} />
      <b>{live ? `Run ${shortId(execution.id)}` : statusWord(execution.status)}</b>
      {live && (
        <span
          className={styles.bar}
          role="progressbar"
          aria-label="Steps done"
          aria-valuenow={done}
          aria-valuemax={known}
        >
          <i style={{ width: `${known === 0 ? 0 : (100 * done) / known}%` }} />
        </span>
      )}
      <span className="num">{facts(execution, heldUpBy === "", done, known, time)}</span>
      {heldUpBy !== "" && (
        <span className={styles.heldUp} role="status" title={heldUpWords(heldUpBy)}>
          {heldUpWords(heldUpBy)}
        </span>
      )}
      {wait !== "" && <span className={styles.wait}>{wait}</span>}
      <span className={styles.tally}>
        <Tally counts={told(execution, wait)} />
      </span>
      {text !== "" && (
        <span className={styles.error} title={text}>
          {text}
        </span>
      )}
      {live && connection === "offline" && <span className={styles.offline}>Reconnecting…</span>}
      {retry && (
        <button type="button" className={styles.retry} onClick={() => void again({ failed: true })}>
          <RotateCcw aria-hidden="true" /> Retry from the failed nodes
        </button>
      )}
      <span className={styles.tools}>
        <IconButton label="Run details" pressed={drawerOpen} onClick={() => actions().setDrawerOpen(!drawerOpen)}>
          <PanelBottom />
        </IconButton>
        {!runPage && (
          <IconButton label="Stop showing this run" onClick={() => actions().closeRun()}>
            <X />
          </IconButton>
        )}
      </span>
      <Announcer execution={execution} done={done} known={known} />
    </div>
  );
}

/** The one wait that is told in words is not counted beside them. */
function told({ counts }: Execution, wait: string): Partial<Counts> {
  return wait !== "" && counts.waiting === 1 ? { ...counts, waiting: 0 } : counts;
}

/** What a run as a whole waits for, in words; empty while anything runs. */
function useRunWait(execution: Execution | null): string {
  // Rows live outside React: this says when they changed.
  const version = useLiveVersion();
  const waits = execution?.status === "waiting" && version >= 0;
  return useWaitWords(waits ? firstWait() : null);
}

function firstWait(): Waiting | null {
  return tellingWait(
    liveKeys()
      .filter((key) => (nodeSummary(key)?.by.waiting ?? 0) > 0)
      .flatMap((key) => [...nodeRows(key)]),
  );
}

function facts(execution: Execution, free: boolean, done: number, known: number, time: number | null): string {
  const clock = time === null ? "" : `, ${duration(time)}`;
  if (execution.status === "queued" && free && execution.started_at === null) return "Waiting for a worker";
  return isFinal(execution.status) ? `${done} steps${clock}` : `${done} of ${known} steps${clock}`;
}

const SAY_EVERY_MS = 8_000;

/** Tells how the run goes to those who listen: its beginning and end at once, what lies between now and then. */
function Announcer({ execution, done, known }: { execution: Execution; done: number; known: number }) {
  const latest = useRef("");
  const { status } = execution;
  const trouble = countWords(execution.counts)
    .map(({ text }) => `, ${text}`)
    .join("");
  const text = isFinal(status)
    ? `Run ${statusWord(status)}, ${done} steps${trouble}`
    : `Run: ${done} of ${known} steps done${trouble}`;
  const [said, setSaid] = useState({ status, text });
  if (said.status !== status || (isFinal(status) && said.text !== text)) setSaid({ status, text });

  useEffect(() => {
    latest.current = text;
  }, [text]);
  useEffect(() => {
    if (isFinal(status)) return;
    const timer = window.setInterval(() => setSaid({ status, text: latest.current }), SAY_EVERY_MS);
    return () => window.clearInterval(timer);
  }, [status]);

  return (
    <span className="visually-hidden" aria-live="polite">
      {said.text}
    </span>
  );
}
