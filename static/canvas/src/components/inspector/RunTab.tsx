/** Input, Output and Log of one run of a node. */

import { RotateCcw } from "lucide-react";
import type { ReactNode } from "react";

import { bytes, clock, count } from "../../model/format";
import { sizeWords } from "../../model/preview";
import { interruptedWords } from "../../model/recovery";
import { failureAdvice, failureText } from "../../model/run";
import type { NodeRow, NodeRowDetail } from "../../model/types";
import { asksPerson } from "../../model/waiting";
import { portsOf, type InspectorTab } from "../../state";
import { useStore } from "../../store";
import { Button } from "../Button";
import styles from "../Inspector.module.css";
import { useChildGraph } from "../useWait";
import { Outputs } from "./Outputs";
import { PinButton, PinSample } from "./PinButton";
import { RowPicker } from "./RowPicker";
import { RowFacts } from "./RowFacts";
import { StreamedOutput } from "./StreamedOutput";
import { Value } from "./Value";
import { WaitNotice } from "./WaitNotice";
import type { RowChoice } from "./useRowChoice";

interface RunTabProps {
  nodeKey: string;
  tab: Exclude<InspectorTab, "config">;
  choice: RowChoice;
}

export function RunTab({ nodeKey, tab, choice }: RunTabProps) {
  const run = useStore((state) => state.run.execution !== null);
  const { rows, row, detail, problem, retry } = choice;
  const sample = tab === "output" && <PinSample nodeKey={nodeKey} />;
  if (!run) {
    return (
      <Empty title="No run yet" text="Press Run: what this node gets and gives is shown here.">
        {sample}
      </Empty>
    );
  }
  if (!row) {
    return (
      <Empty title="Not reached" text="This node has not run in the shown run.">
        {sample}
      </Empty>
    );
  }
  return (
    <div className={styles.values}>
      {rows.length > 1 && <RowPicker rows={rows} row={row} />}
      <RowFacts row={row} named={rows.length > 1} />
      {row.status === "waiting" && row.waiting && !asksPerson(row) && <WaitNotice waiting={row.waiting} />}
      <Interrupted row={row} />
      <ChildRuns row={row} />
      {tab === "output" && <Failed row={row} />}
      {tab === "output" && row.status === "running" && <StreamedOutput row={row} />}
      {problem && (
        <div className={styles.notice}>
          {problem.detail} <Button onClick={retry}>Try again</Button>
        </div>
      )}
      {!detail && !problem && <p className={styles.quiet}>Loading…</p>}
      {tab === "output" && detail && detail.outputs.length > 0 && (
        <PinButton key={row.id} row={row} many={rows.length > 1} />
      )}
      {detail && <Values tab={tab} row={row} detail={detail} />}
    </div>
  );
}

function Values({ tab, row, detail }: { tab: RunTabProps["tab"]; row: NodeRow; detail: NodeRowDetail }) {
  if (tab === "input") return <Inputs detail={detail} />;
  return tab === "output" ? <Outputs key={detail.id} row={row} detail={detail} /> : <Log detail={detail} />;
}

export function Empty({ title, text, children }: { title: string; text: string; children?: ReactNode }) {
  return (
    <div className={styles.empty}>
      <b>{title}</b>
      <p>{text}</p>
      {children}
    </div>
  );
}

/** It was tried again although it had not failed. */
function Interrupted({ row }: { row: NodeRow }) {
  const words = interruptedWords(
    row,
    useStore((state) => state.run.events),
  );
  if (words === "") return null;
  return (
    <div className={styles.wait}>
      <RotateCcw size={14} aria-hidden="true" />
      <p>{words}</p>
    </div>
  );
}

/** A fold starts one for each item: the first tell enough. */
const MOST_CHILDREN = 5;

function ChildRuns({ row }: { row: NodeRow }) {
  const { children } = row;
  const shown = children.slice(0, MOST_CHILDREN).filter((id) => id !== row.waiting?.child);
  const more = children.length - MOST_CHILDREN;
  return (
    <>
      {shown.map((id) => (
        <ChildRun key={id} id={id} />
      ))}
      {more > 0 && <p className={styles.quiet}>{`And ${count(more, "run")} more.`}</p>}
    </>
  );
}

/** A run of another graph that this one started. */
function ChildRun({ id }: { id: string }) {
  const home = useStore((state) => state.home);
  const name = useChildGraph(id);
  return (
    <p className={styles.child}>
      Ran graph {name === "" ? "…" : <b>{name}</b>}. <a href={`${home}executions/${id}/`}>Open that run</a>
    </p>
  );
}

/** What went wrong and what to do, before any data. */
function Failed({ row }: { row: NodeRow }) {
  if (row.status === "skipped") {
    return (
      <div className={styles.notice}>
        <b>Skipped</b>
        <p>{failureText(row.error) || "Not every linked input got a value."}</p>
      </div>
    );
  }
  if (row.status !== "failed") return null;
  return (
    <div className={styles.failure} data-handled={row.handled} role="alert">
      <b>{failureText(row.error) || "This node failed."}</b>
      <p>
        {row.attempt > 1 && `Tried ${row.attempt} times. `}
        {failureAdvice(row.error, row.handled)}
      </p>
    </div>
  );
}

function Inputs({ detail }: { detail: NodeRowDetail }) {
  const order = useStore((state) => portsOf(state, detail.node)?.inputs);
  const place = (name: string): number => order?.findIndex((port) => port.name === name) ?? 0;
  const ports = Object.entries(detail.inputs).sort(([a], [b]) => place(a) - place(b));
  if (detail.input_error) return <p className={styles.notice}>{detail.input_error}</p>;
  if (ports.length === 0) return <p className={styles.quiet}>This run had no input.</p>;
  return ports.map(([name, value]) => {
    const size = detail.cut_inputs?.[name];
    return (
      <Value key={name} name={name} words={sizeWords(value, size)} value={value}>
        {size !== undefined && (
          <p className={styles.quiet}>
            Only the beginning of {bytes(size)}; the node that sent it has the whole value under Output.
          </p>
        )}
      </Value>
    );
  });
}

function Log({ detail }: { detail: NodeRowDetail }) {
  if (detail.log.length === 0) return <p className={styles.quiet}>This run wrote no log.</p>;
  return (
    <ol className={styles.log}>
      {detail.log.map((line, index) => (
        <li key={index} data-level={line.level}>
          {line.at && <time className="num">{clock(line.at)}</time>}
          {line.level !== "info" && <b>{line.level}</b>}
          <span>{line.message}</span>
        </li>
      ))}
    </ol>
  );
}
