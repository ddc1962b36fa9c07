/** A line above the canvas when something about the whole page must be known. */

import { CircleAlert, History } from "lucide-react";

import { moment } from "../model/format";
import { heldUpAdvice } from "../model/recovery";
import { actions, useStore } from "../store";
import { useNow } from "./useNow";
import styles from "./Banner.module.css";

export function Banner({ login, editor }: { login: string; editor: string }) {
  const view = useStore((state) => state.graph.view);
  const loggedOut = useStore((state) => state.graph.saveState === "loggedOut");

  if (loggedOut) {
    return (
      <div className={styles.banner} data-tone="warn" role="alert">
        <CircleAlert aria-hidden="true" />
        You are logged out. What you changed is kept in this browser and will be saved after you log in.
        <a href={login} target="_blank" rel="noopener">
          Log in again
        </a>
      </div>
    );
  }
  return (
    <>
      <NobodyThere />
      {view && <EarlierVersion number={view.number} editor={editor} />}
    </>
  );
}

/** The run waits until somebody starts a worker. */
function NobodyThere() {
  const heldUpBy = useStore((state) => state.run.heldUpBy);
  const advice = heldUpBy === "" ? null : heldUpAdvice(heldUpBy);
  if (!advice) return null;
  return (
    <div className={styles.banner} data-tone="warn" role="alert">
      <CircleAlert aria-hidden="true" />
      <span>
        <b>{advice.title}</b> {advice.text} <code>{advice.command}</code>
      </span>
    </div>
  );
}

function EarlierVersion({ number, editor }: { number: number; editor: string }) {
  const execution = useStore((state) => state.run.execution);
  const runPage = useStore((state) => state.runPage);
  const now = useNow(60_000);
  const when = execution ? `, run of ${moment(execution.created_at, now)}` : "";
  return (
    <div className={styles.banner}>
      <History aria-hidden="true" />
      <span>
        Version {number}
        {when}. It shows what ran and cannot be edited.
      </span>
      {runPage ? (
        <a href={editor}>Open the draft</a>
      ) : (
        <button type="button" onClick={() => actions().closeRun()}>
          Back to the draft
        </button>
      )}
    </div>
  );
}
