/** Asks before steps happen again that must happen only once. */

import { TriangleAlert } from "lucide-react";
import { useState } from "react";

import type { ProblemDetails } from "../model/types";
import type { UiSlice } from "../state";
import { actions, useStore } from "../store";
import { Button } from "./Button";
import { Dialog } from "./Dialog";
import dialogStyles from "./RunDialog.module.css";
import styles from "./RepeatDialog.module.css";

export function RepeatDialog() {
  const repeat = useStore((state) => state.ui.repeat);
  return repeat ? <OpenDialog repeat={repeat} /> : null;
}

function OpenDialog({ repeat }: { repeat: NonNullable<UiSlice["repeat"]> }) {
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<ProblemDetails | null>(null);
  const close = (): void => actions().closeRepeat();
  const go = async (): Promise<void> => {
    setBusy(true);
    const refused = await actions().retry(repeat.choice, true);
    setBusy(false);
    setProblem(refused);
    if (!refused) close();
  };
  return (
    <Dialog
      open
      onClose={close}
      title="These steps would happen again"
      width={440}
      footer={
        <>
          <Button onClick={close}>Cancel</Button>
          <Button tone="primary" disabled={busy} onClick={() => void go()}>
            {busy ? "Starting…" : "Let them happen again"}
          </Button>
        </>
      }
    >
      {problem && (
        <div className={dialogStyles.refused} role="alert">
          <b>{problem.title}</b>
          <p>{problem.errors[0]?.detail ?? problem.detail}</p>
        </div>
      )}
      <p className={styles.text}>They are meant to happen only once, and have happened in this run or may have:</p>
      <ul className={styles.steps}>
        {repeat.steps.map(({ node, detail }) => (
          <li key={node}>
            <TriangleAlert size={14} aria-hidden="true" />
            {detail}
          </li>
        ))}
      </ul>
    </Dialog>
  );
}
