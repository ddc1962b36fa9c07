/** Publishing: the button of the top bar, and the dialog that says what it does and asks. */

import { CircleCheck } from "lucide-react";
import { useMemo, useState } from "react";

import { changesBetween, changeWords } from "../model/changes";
import type { ProblemDetails } from "../model/types";
import { isReadOnly } from "../state";
import { actions, useStore } from "../store";
import { Button } from "./Button";
import { Dialog } from "./Dialog";
import dialogStyles from "./RunDialog.module.css";
import styles from "./Publish.module.css";

/** In words what the draft changes about the published version; "" when nothing, null when that is not known. */
export function useUnpublished(): string | null {
  const before = useStore((state) => state.graph.published?.spec ?? null);
  const after = useStore((state) => state.graph.spec);
  return useMemo(() => before && changeWords(changesBetween(before, after)), [before, after]);
}

export function PublishButton() {
  const [open, setOpen] = useState(false);
  const readOnly = useStore(isReadOnly);
  const empty = useStore((state) => state.graph.spec.nodes.length === 0);
  if (readOnly) return null;
  return (
    <>
      <Button disabled={empty} title="Let triggers and the API run this draft" onClick={() => setOpen(true)}>
        Publish
      </Button>
      {open && <PublishDialog onClose={() => setOpen(false)} />}
    </>
  );
}

function PublishDialog({ onClose }: { onClose: () => void }) {
  const published = useStore((state) => state.graph.published);
  const changes = useUnpublished();
  const [problem, setProblem] = useState<ProblemDetails | null>(null);
  const [busy, setBusy] = useState(false);
  const same = changes === "";

  const carryOut = async (verb: () => Promise<ProblemDetails | null>, done: () => string): Promise<void> => {
    setBusy(true);
    const refused = await verb();
    setBusy(false);
    setProblem(refused);
    if (refused) return;
    onClose();
    actions().toast({ tone: "info", text: done() });
  };
  const publish = (): Promise<void> =>
    carryOut(actions().publish, () => `Version ${useStore.getState().graph.published?.number ?? ""} is published.`);
  const unpublish = (): Promise<void> => carryOut(actions().unpublish, () => "No version is published any more.");

  return (
    <Dialog
      open
      onClose={onClose}
      title="Publish"
      width={440}
      footer={
        <>
          {published && (
            <Button tone="quiet" className={styles.unpublish ?? ""} disabled={busy} onClick={() => void unpublish()}>
              Unpublish version {published.number}
            </Button>
          )}
          <Button onClick={onClose}>Cancel</Button>
          <Button tone="primary" disabled={busy || same} onClick={() => void publish()}>
            {busy ? "Publishing…" : "Publish draft"}
          </Button>
        </>
      }
    >
      <div className={styles.text}>
        {problem && <Refused problem={problem} />}
        <p>
          Triggers and the API run the published version. You can go on drawing: the draft is run only from this page,
          until you publish again.
        </p>
        <p className={styles.state}>
          {published ? <CircleCheck aria-hidden="true" /> : null}
          {stateWords(published?.number ?? null, changes)}
        </p>
      </div>
    </Dialog>
  );
}

function stateWords(published: number | null, changes: string | null): string {
  if (published === null) return "Nothing is published yet: triggers and the API run the draft as it is.";
  if (changes === "") return `Version ${published} is published, and the draft is the same.`;
  const since = changes === null ? "" : ` Since then: ${changes}.`;
  return `Version ${published} is published.${since}`;
}

function Refused({ problem }: { problem: ProblemDetails }) {
  return (
    <div className={dialogStyles.refused} role="alert">
      <b>{problem.title}</b>
      {problem.errors.length === 0 && <p>{problem.detail}</p>}
      <ul>
        {problem.errors.map((error) => (
          <li key={error.pointer + error.detail}>{error.detail}</li>
        ))}
      </ul>
    </div>
  );
}
