/** Earlier runs of this graph, newest first; opening one shows the version that ran. */

import { RefreshCw } from "lucide-react";
import { useEffect } from "react";

import { duration, elapsed, moment, shortId } from "../model/format";
import { failureText } from "../model/run";
import { isFinal, steps } from "../model/runs";
import type { Execution } from "../model/types";
import { actions, useStore } from "../store";
import { Button } from "./Button";
import { StatusBadge } from "./StatusBadge";
import { Tally } from "./Tally";
import { useNow } from "./useNow";
import styles from "./RunsScreen.module.css";

export function RunsScreen() {
  const runs = useStore((state) => state.run.recent);
  const shown = useStore((state) => state.run.execution?.id);
  const anyLive = runs.some((run) => !isFinal(run.status));
  const now = useNow(anyLive ? 1_000 : 60_000);

  useEffect(() => {
    void actions().refreshRuns();
  }, []);

  return (
    <main className={styles.screen} aria-label="Runs">
      <header className={styles.head}>
        <h1>Runs</h1>
        <Button tone="quiet" icon={<RefreshCw />} onClick={() => void actions().refreshRuns()}>
          Refresh
        </Button>
      </header>
      {runs.length === 0 ? (
        <p className={styles.empty}>This graph has not run yet. Press Run, and its runs are kept here.</p>
      ) : (
        <table className={styles.table}>
          <thead>
            <tr>
              <th>Status</th>
              <th>Run</th>
              <th>Started</th>
              <th>Time</th>
              <th>Steps</th>
              <th>Version</th>
              <th>By</th>
            </tr>
          </thead>
          <tbody>
            {runs.map((run) => (
              <Row key={run.id} run={run} now={now} shown={run.id === shown} />
            ))}
          </tbody>
        </table>
      )}
    </main>
  );
}

function Row({ run, now, shown }: { run: Execution; now: number; shown: boolean }) {
  const time = elapsed(run.started_at, run.ended_at, now);
  const { done, known } = steps(run.counts);
  const open = (): void => void actions().openRun(run.id);
  const error = failureText(run.error);
  return (
    <tr data-shown={shown} onClick={open}>
      <td>
        <StatusBadge status={run.status} />
        <Tally counts={run.counts} />
      </td>
      <td>
        <button type="button" className={styles.link}>
          {shortId(run.id)}
        </button>
        {error !== "" && (
          <span className={styles.error} title={error}>
            {error}
          </span>
        )}
      </td>
      <td className="num">{moment(run.created_at, now)}</td>
      <td className="num">{time === null ? "–" : duration(time)}</td>
      <td className="num">{isFinal(run.status) ? done : `${done} of ${known}`}</td>
      <td className="num">v{run.version}</td>
      <td>
        {run.owner?.name ?? "–"}
        <small>{run.trigger}</small>
      </td>
    </tr>
  );
}
