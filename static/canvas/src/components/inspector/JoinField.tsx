/** How values of different loops meet in a node; shown where that matters. */

import { JOINS } from "../../model/fixes";
import type { Join, NodeSpec, Problem } from "../../model/types";
import { isReadOnly } from "../../state";
import { actions, useStore } from "../../store";
import formStyles from "../form/form.module.css";

export function JoinField({ node, problems }: { node: NodeSpec; problems: readonly Problem[] }) {
  const readOnly = useStore(isReadOnly);
  const join = node.join ?? "match";
  if (join === "match" && !problems.some((problem) => problem.code === "crossing_loops")) return null;
  const id = `join-${node.key}`;
  return (
    <div className={formStyles.field}>
      <label className={formStyles.label} htmlFor={id}>
        Where loops meet
      </label>
      <select
        id={id}
        className={formStyles.select}
        value={join}
        disabled={readOnly}
        onChange={(event) => actions().setJoin(node.key, event.target.value as Join)}
      >
        {Object.entries(JOINS).map(([value, { label }]) => (
          <option key={value} value={value}>
            {label}
          </option>
        ))}
      </select>
      <p className={formStyles.hint}>{JOINS[join].hint}</p>
    </div>
  );
}
