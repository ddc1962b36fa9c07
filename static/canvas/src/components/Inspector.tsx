/** The right column: the selected node, several, one link, or the graph itself. */

import { selectedKey, shownSpec } from "../state";
import { useStore } from "../store";
import styles from "./Inspector.module.css";
import { GraphPanel } from "./inspector/GraphPanel";
import { NodePanel } from "./inspector/NodePanel";
import { SelectionPanel } from "./inspector/SelectionPanel";

export function Inspector() {
  const key = useStore(selectedKey);
  const known = useStore((state) => key !== null && shownSpec(state).nodes.some((node) => node.key === key));
  const several = useStore(
    ({ ui }) => ui.selection.nodes.length + ui.selection.links.length + ui.selection.notes.length > 0,
  );
  return (
    <div className={styles.inspector}>
      {key !== null && known ? <NodePanel key={key} nodeKey={key} /> : several ? <SelectionPanel /> : <GraphPanel />}
    </div>
  );
}
