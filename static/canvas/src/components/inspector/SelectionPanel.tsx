/** Several selected things, or one link. */

import { Copy, Trash2 } from "lucide-react";

import { count } from "../../model/format";
import { findNode, linkId, nodeTitle } from "../../model/graph";
import type { LinkSpec } from "../../model/types";
import { blockOf, isReadOnly, shownSpec, type State } from "../../state";
import { actions, useStore } from "../../store";
import { Button } from "../Button";
import styles from "../Inspector.module.css";

export function SelectionPanel() {
  const { nodes, links, notes } = useStore((state) => state.ui.selection);
  const readOnly = useStore(isReadOnly);
  const parts = [
    nodes.length > 0 ? count(nodes.length, "node") : "",
    links.length > 0 ? count(links.length, "link") : "",
    notes.length > 0 ? count(notes.length, "note") : "",
  ].filter((part) => part !== "");
  const only = nodes.length + notes.length === 0 && links.length === 1 ? links[0] : undefined;
  return (
    <>
      <header className={styles.header}>
        <div className={styles.names}>
          <h2 className={styles.heading}>{only === undefined ? `${parts.join(", ")} selected` : "Link"}</h2>
          {only !== undefined && <LinkWords id={only} />}
        </div>
      </header>
      <div className={styles.form}>
        {nodes.length > 0 && <Titles keys={nodes} />}
        {!readOnly && (
          <div className={styles.actions}>
            {nodes.length > 0 && (
              <Button icon={<Copy size={14} />} onClick={() => actions().duplicateSelected()}>
                Duplicate
              </Button>
            )}
            <Button tone="danger" icon={<Trash2 size={14} />} onClick={() => actions().removeSelected()}>
              Delete
            </Button>
          </div>
        )}
      </div>
    </>
  );
}

function LinkWords({ id }: { id: string }) {
  const words = useStore((state) => {
    const link = shownSpec(state).links.find((one) => linkId(one) === id);
    return link ? linkWords(state, link) : "";
  });
  return <span className={styles.block}>{words}</span>;
}

function linkWords(state: State, link: LinkSpec): string {
  return `From ${titleOf(state, link.source)} · ${link.source_port} to ${titleOf(state, link.sink)} · ${link.sink_port}`;
}

function titleOf(state: State, key: string): string {
  const node = findNode(shownSpec(state), key);
  return nodeTitle(node, blockOf(state, node));
}

/** Enough names to know what is meant. */
const NAMED = 12;

function Titles({ keys }: { keys: readonly string[] }) {
  return (
    <ul className={styles.plainList}>
      {keys.slice(0, NAMED).map((key) => (
        <Title key={key} nodeKey={key} />
      ))}
      {keys.length > NAMED && <li className={styles.quiet}>and {(keys.length - NAMED).toLocaleString("en")} more</li>}
    </ul>
  );
}

function Title({ nodeKey }: { nodeKey: string }) {
  const title = useStore((state) => titleOf(state, nodeKey));
  return (
    <li>
      <button type="button" className={styles.linkButton} onClick={() => actions().selectNode(nodeKey)}>
        {title}
      </button>
    </li>
  );
}
