/** The graph itself: name, description, what is wrong with it, its size, its last run. */

import { useShallow } from "zustand/react/shallow";

import { count, moment } from "../../model/format";
import { findNode, nodeTitle } from "../../model/graph";
import { statusWord } from "../../model/run";
import type { Execution, Problem } from "../../model/types";
import { blockOf, isReadOnly, shownSpec, type State } from "../../state";
import { actions, useStore } from "../../store";
import { CodeArea } from "../form/CodeArea";
import formStyles from "../form/form.module.css";
import styles from "../Inspector.module.css";
import { StatusMark } from "../StatusBadge";
import { GraphLimits } from "./GraphLimits";
import { ProblemList } from "./ProblemList";

export function GraphPanel() {
  const readOnly = useStore(isReadOnly);
  const { name, description } = useStore(useShallow((state) => ({ ...shownSpec(state) })));
  return (
    <>
      <header className={styles.header}>
        <div className={styles.names}>
          <h2 className={styles.heading}>Graph</h2>
          <Facts />
        </div>
      </header>
      <div className={styles.form}>
        <div className={formStyles.field}>
          <label className={formStyles.label} htmlFor="graph-name">
            Name
          </label>
          <input
            id="graph-name"
            className={formStyles.input}
            autoComplete="off"
            maxLength={200}
            value={name}
            disabled={readOnly}
            onChange={(event) => actions().setGraph("name", event.target.value)}
          />
        </div>
        <div className={formStyles.field}>
          <label className={formStyles.label} htmlFor="graph-description">
            Description
          </label>
          <CodeArea
            id="graph-description"
            text={description}
            widget="textarea"
            placeholder="What this graph is for"
            disabled={readOnly}
            invalid={false}
            onChange={(text) => actions().setGraph("description", text)}
          />
        </div>
        <Problems />
        <LastRun />
        <GraphLimits />
        {!readOnly && <Keys />}
      </div>
    </>
  );
}

function Facts() {
  const words = useStore((state) => {
    const { nodes, links } = shownSpec(state);
    const { view, latestVersion } = state.graph;
    const version = view
      ? `version ${view.number}`
      : latestVersion === null
        ? "never run"
        : `draft after version ${latestVersion}`;
    return `${count(nodes.length, "node")}, ${count(links.length, "link")}, ${version}`;
  });
  return <span className={styles.block}>{words}</span>;
}

function Problems() {
  const problems = useStore((state) => state.graph.problems);
  const hidden = useStore((state) => state.graph.view !== null || state.graph.spec.nodes.length === 0);
  if (hidden) return null;
  if (problems.length === 0) return <p className={styles.fine}>No problems: this graph can run.</p>;
  return (
    <div>
      <h3 className={styles.subheading}>{count(problems.length, "problem")}</h3>
      <ProblemList problems={problems} onPick={show} name={(problem) => titleOf(useStore.getState(), problem)} />
    </div>
  );
}

function show(problem: Problem): void {
  if (problem.node === "") return;
  actions().selectNode(problem.node);
  actions().setInspectorTab("config");
}

function titleOf(state: State, problem: Problem): string {
  if (problem.node === "") return "";
  const node = findNode(state.graph.spec, problem.node);
  return nodeTitle(node, blockOf(state, node)) || problem.node;
}

function LastRun() {
  const last = useStore((state) => state.run.execution ?? state.run.recent[0] ?? null);
  if (!last) return null;
  return (
    <div>
      <h3 className={styles.subheading}>Last run</h3>
      <button type="button" className={styles.lastRun} onClick={() => void actions().openRun(last.id)}>
        <StatusMark status={last.status} size={15} label="" />
        <span>{runWords(last)}</span>
      </button>
    </div>
  );
}

function runWords(run: Execution): string {
  return `${statusWord(run.status)}, ${run.trigger}, ${moment(run.created_at, Date.now())}`;
}

const KEYS: readonly (readonly [string, string])[] = [
  ["Add a node", "/"],
  ["Run", "Ctrl Enter"],
  ["Undo, redo", "Ctrl Z, Ctrl Shift Z"],
  ["Copy, paste", "Ctrl C, Ctrl V"],
  ["Duplicate", "Ctrl D"],
  ["Link by keyboard", "C"],
  ["Run this node, from here", "R, Shift R"],
  ["Show everything", "F"],
  ["Delete", "Del"],
];

function Keys() {
  return (
    <details className={styles.section}>
      <summary>Keys</summary>
      <dl className={styles.keys}>
        {KEYS.map(([what, keys]) => (
          <div key={what}>
            <dt>{what}</dt>
            <dd>
              {keys.split(", ").map((combination) => (
                <kbd key={combination}>{combination}</kbd>
              ))}
            </dd>
          </div>
        ))}
      </dl>
    </details>
  );
}
