/** A waiting node asks: look, change the payload, decide. The run goes on at once. */

import { Check, Repeat, UserCheck, X } from "lucide-react";
import { useCallback, useEffect, useState } from "react";

import { api } from "../../api/client";
import { readJson } from "../../model/fieldValue";
import { moment } from "../../model/format";
import type { Approval, Decision, Json, NodeRow, ProblemDetails } from "../../model/types";
import { asksPerson } from "../../model/waiting";
import { mayRun } from "../../state";
import { useStore } from "../../store";
import { Button } from "../Button";
import { CodeArea } from "../form/CodeArea";
import { Wrong } from "../form/Control";
import formStyles from "../form/form.module.css";
import { useNow } from "../useNow";
import styles from "./DecisionCard.module.css";

export function DecisionCard({ row }: { row: NodeRow | undefined }) {
  const id = row && asksPerson(row) ? row.waiting?.approval : undefined;
  return id === undefined ? null : <Card key={id} id={id} />;
}

function Card({ id }: { id: string }) {
  const { approval, problem, take, reload } = useApproval(id);
  if (problem) {
    return (
      <div className={styles.card}>
        <p>{problem.detail}</p>
        <Button onClick={reload}>Try again</Button>
      </div>
    );
  }
  if (!approval) return <div className={styles.card}>Loading…</div>;
  return approval.state === "open" ? <Form approval={approval} take={take} reload={reload} /> : <Over of={approval} />;
}

function useApproval(id: string) {
  const [approval, take] = useState<Approval | null>(null);
  const [problem, setProblem] = useState<ProblemDetails | null>(null);
  const [tries, setTries] = useState(0);
  useEffect(() => {
    let wanted = true;
    void api.approval(id).then((answer) => {
      if (!wanted) return;
      setProblem(answer.ok ? null : answer.problem);
      if (answer.ok) take(answer.data);
    });
    return () => {
      wanted = false;
    };
  }, [id, tries]);
  return { approval, problem, take, reload: useCallback(() => setTries((count) => count + 1), []) };
}

const QUESTIONS: Readonly<Record<Approval["kind"], string>> = {
  approval: "Waits for a decision",
  outcome: "Did this step happen?",
};
const OUTCOME_WORDS =
  "It must happen only once, and the worker was lost while it ran. Look at the other side, then say what became of it.";

interface FormProps {
  approval: Approval;
  take: (approval: Approval) => void;
  reload: () => void;
}

function Form({ approval, take, reload }: FormProps) {
  const allowed = useStore(mayRun);
  const home = useStore((state) => state.home);
  const start = JSON.stringify(approval.kind === "outcome" ? {} : approval.payload, null, 2);
  const [text, setText] = useState(start);
  const [comment, setComment] = useState("");
  const [busy, setBusy] = useState(false);
  const [wrong, setWrong] = useState("");
  const asks = approval.kind === "approval";
  const id = `decide-${approval.id}`;

  const decide = async (decision: Decision): Promise<void> => {
    const reading = readJson(text);
    const needed = decision === "approved" || decision === "rejected" || decision === "happened";
    if (needed && reading.error !== undefined) {
      setWrong(reading.error);
      return;
    }
    setBusy(true);
    const payload: { payload?: Json } =
      needed && text !== start && reading.error === undefined ? { payload: reading.value } : {};
    const answer = await api.decide(approval.id, { decision, ...payload, ...(comment === "" ? {} : { comment }) });
    setBusy(false);
    if (answer.ok) take(answer.data);
    else if (answer.problem.status === 409) reload();
    else setWrong(answer.problem.errors[0]?.detail ?? answer.problem.detail);
  };

  return (
    <section className={styles.card} aria-label={QUESTIONS[approval.kind]}>
      <header>
        <UserCheck size={15} aria-hidden="true" />
        <b>{QUESTIONS[approval.kind]}</b>
        <a href={`${home}approvals/`}>All approvals</a>
      </header>
      {(approval.instructions !== "" || !asks) && (
        <p className={styles.instructions}>{approval.instructions || OUTCOME_WORDS}</p>
      )}
      <div className={formStyles.field}>
        <label className={formStyles.label} htmlFor={`${id}-payload`}>
          {asks ? "Payload" : "If it happened: its outputs, by port"}
        </label>
        <CodeArea
          id={`${id}-payload`}
          text={text}
          widget="code"
          placeholder="JSON"
          disabled={!allowed || busy}
          invalid={wrong !== ""}
          onChange={(next) => {
            setText(next);
            setWrong("");
          }}
        />
        <Wrong text={wrong} />
      </div>
      <div className={formStyles.field}>
        <label className={formStyles.label} htmlFor={`${id}-comment`}>
          Comment
        </label>
        <input
          id={`${id}-comment`}
          className={formStyles.input}
          autoComplete="off"
          maxLength={10_000}
          placeholder="Why, for those who read it later"
          value={comment}
          disabled={!allowed || busy}
          onChange={(event) => setComment(event.target.value)}
        />
      </div>
      {allowed ? (
        <div className={styles.verbs}>
          {asks ? (
            <>
              <Button tone="primary" icon={<Check />} disabled={busy} onClick={() => void decide("approved")}>
                Approve
              </Button>
              <Button tone="danger" icon={<X />} disabled={busy} onClick={() => void decide("rejected")}>
                Reject
              </Button>
            </>
          ) : (
            <>
              <Button icon={<Check />} disabled={busy} onClick={() => void decide("happened")}>
                It happened
              </Button>
              <Button icon={<Repeat />} disabled={busy} onClick={() => void decide("repeat")}>
                Repeat
              </Button>
              <Button tone="danger" icon={<X />} disabled={busy} onClick={() => void decide("fail")}>
                Fail
              </Button>
            </>
          )}
        </div>
      ) : (
        <p>Only runners and editors of this graph decide.</p>
      )}
    </section>
  );
}

const OVER_WORDS: Readonly<Record<string, string>> = {
  approved: "Approved",
  rejected: "Rejected",
  repeat: "To be repeated",
  happened: "It happened",
  fail: "Failed",
};

function Over({ of }: { of: Approval }) {
  const now = useNow(0);
  const word = OVER_WORDS[of.decision] ?? "The run ended before anybody decided";
  const who = of.decided_by ? ` by ${of.decided_by.name}` : "";
  const when = of.decided_at ? `, ${moment(of.decided_at, now)}` : "";
  return (
    <section className={styles.card} role="status">
      <header>
        <UserCheck size={15} aria-hidden="true" />
        <b>
          {word}
          {who}
          {when}
        </b>
      </header>
      {of.comment !== "" && <p>{of.comment}</p>}
    </section>
  );
}
