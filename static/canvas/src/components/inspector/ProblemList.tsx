/** Problems in words; those with a node lead to it, those that we can mend offer how. */

import { CircleAlert, TriangleAlert } from "lucide-react";
import { useState } from "react";

import { fixes } from "../../model/fixes";
import type { Problem } from "../../model/types";
import { isReadOnly } from "../../state";
import { actions, useStore } from "../../store";
import { Button } from "../Button";
import styles from "../Inspector.module.css";

interface ProblemListProps {
  problems: readonly Problem[];
  /** Makes each problem a button. */
  onPick?: (problem: Problem) => void;
  /** Stands before the words: the node's title. */
  name?: (problem: Problem) => string;
}

/** More are shown on demand: a broken import may have thousands. */
const SHOWN = 20;

export function ProblemList({ problems, onPick, name }: ProblemListProps) {
  const [most, setMost] = useState(SHOWN);
  if (problems.length === 0) return null;
  const more = problems.length - most;
  return (
    <>
      <ul className={styles.problems}>
        {problems.slice(0, most).map((problem, index) => (
          <li key={index} data-severity={problem.severity}>
            {onPick ? (
              <button type="button" className={styles.problem} onClick={() => onPick(problem)}>
                <Words problem={problem} name={name?.(problem) ?? ""} />
              </button>
            ) : (
              <div className={styles.problem}>
                <Words problem={problem} name="" />
              </div>
            )}
            <Fixes problem={problem} />
          </li>
        ))}
      </ul>
      {more > 0 && (
        <button type="button" className={styles.moreProblems} onClick={() => setMost(most + 10 * SHOWN)}>
          and {more.toLocaleString("en")} more
        </button>
      )}
    </>
  );
}

function Words({ problem, name }: { problem: Problem; name: string }) {
  const Icon = problem.severity === "error" ? CircleAlert : TriangleAlert;
  return (
    <>
      <Icon size={14} aria-label={problem.severity === "error" ? "Error" : "Warning"} />
      <span>
        {name !== "" && <b>{name}: </b>}
        {problem.detail}
      </span>
    </>
  );
}

function Fixes({ problem }: { problem: Problem }) {
  const readOnly = useStore(isReadOnly);
  const found = fixes(problem);
  if (readOnly || found.length === 0) return null;
  return (
    <div className={styles.fixes}>
      {found.map((fix) => (
        <Button key={fix.label} title={fix.title} onClick={() => actions().edit([fix.operation])}>
          {fix.label}
        </Button>
      ))}
    </div>
  );
}
