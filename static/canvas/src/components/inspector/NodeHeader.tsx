/** What a node is called, what it is, and how it stands in the shown run. */

import { useNodeSummary } from "../../live";
import { findNode, nodeTitle } from "../../model/graph";
import { origin } from "../../model/summary";
import { blockOf, isReadOnly, shownSpec } from "../../state";
import { actions, useStore } from "../../store";
import { Tile } from "../icons";
import styles from "../Inspector.module.css";
import { Origin } from "../Origin";
import { StatusBadge } from "../StatusBadge";

export function NodeHeader({ nodeKey }: { nodeKey: string }) {
  const node = useStore((state) => findNode(shownSpec(state), nodeKey));
  const block = useStore((state) => blockOf(state, node));
  const readOnly = useStore(isReadOnly);
  const summary = useNodeSummary(nodeKey);
  if (!node) return null;
  const from = node.pinned ? "pinned" : summary && origin(summary);
  return (
    <header className={styles.header}>
      <Tile category={block?.category ?? ""} icon={block?.icon ?? "puzzle"} size={34} />
      <div className={styles.names}>
        <input
          className={styles.title}
          aria-label="Title"
          autoComplete="off"
          spellCheck={false}
          maxLength={200}
          value={node.title ?? ""}
          placeholder={nodeTitle({ ...node, title: "" }, block)}
          readOnly={readOnly}
          onChange={(event) => actions().setTitle(nodeKey, event.target.value)}
          onKeyDown={(event) => {
            if (event.key === "Enter" || event.key === "Escape") event.currentTarget.blur();
          }}
        />
        <span className={styles.block}>
          {block ? (node.title ? block.title : block.category) : `Unknown block ${node.block}`}
        </span>
      </div>
      {from && <Origin kind={from} />}
      {summary && <StatusBadge status={summary.status} handled={summary.handled} />}
    </header>
  );
}
