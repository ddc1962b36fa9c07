/** Problems in words; those with a node lead to it. */

import { CircleAlert, TriangleAlert } from "lucide-react";

import type { Problem } from "../../model/types";
import styles from "../Inspector.module.css";

interface ProblemListProps {
  problems: readonly Problem[];
  /** Makes each problem a button. */
  onPick?: (problem: Problem) => void;
  /** Stands before the words: the node's title. */
  name?: (problem: Problem) => string;
}

export function ProblemList({ problems, onPick, name }: ProblemListProps) {
  if (problems.length === 0) return null;
  return (
    <ul className={styles.problems}>
      {problems.map((problem, index) => (
        <li key={index} data-severity={problem.severity}>
          {onPick ? (
            <button type="button" onClick={() => onPick(problem)}>
              <Words problem={problem} name={name?.(problem) ?? ""} />
            </button>
          ) : (
            <Words problem={problem} name="" />
          )}
        </li>
      ))}
    </ul>
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
