/** Pins what the shown run of a node gave, or sample data where nothing has run. */

import { Pin } from "lucide-react";
import { useState } from "react";

import { findNode } from "../../model/graph";
import { samplePin } from "../../model/pinned";
import type { NodeRow } from "../../model/types";
import { blockOf, isReadOnly, portsOf, shownSpec } from "../../state";
import { actions, useStore } from "../../store";
import { Button } from "../Button";
import styles from "../Inspector.module.css";

export function PinButton({ row, many }: { row: NodeRow; many: boolean }) {
  const readOnly = useStore(isReadOnly);
  const pinned = useStore((state) => Boolean(findNode(shownSpec(state), row.node)?.pinned));
  const [busy, setBusy] = useState(false);
  if (readOnly) return null;
  const pin = async (): Promise<void> => {
    setBusy(true);
    await actions().pinRow(row);
    setBusy(false);
  };
  return (
    <div className={styles.actions}>
      <Button icon={<Pin />} disabled={busy} onClick={() => void pin()}>
        {`Pin this output${many ? " for all items" : ""}${pinned ? " instead" : ""}`}
      </Button>
      {pinned && <Button onClick={() => actions().setInspectorTab("config")}>Show pinned data</Button>}
    </div>
  );
}

/** For a node that has not run: data made up by hand, beginning with the block's example. */
export function PinSample({ nodeKey }: { nodeKey: string }) {
  const readOnly = useStore(isReadOnly);
  const pinned = useStore((state) => Boolean(findNode(shownSpec(state), nodeKey)?.pinned));
  const ports = useStore((state) => portsOf(state, nodeKey)?.outputs.length ?? 0);
  if (readOnly || pinned || ports === 0) return null;
  const pin = (): void => {
    const state = useStore.getState();
    const block = blockOf(state, findNode(shownSpec(state), nodeKey));
    actions().setPinned(nodeKey, samplePin(block, portsOf(state, nodeKey)?.outputs ?? []));
    actions().setInspectorTab("config");
  };
  return (
    <Button icon={<Pin />} onClick={pin}>
      Pin data by hand
    </Button>
  );
}
