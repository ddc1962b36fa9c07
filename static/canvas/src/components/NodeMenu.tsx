/** Everything that can be done with one node, at the pointer or beside its toolbar. */

import {
  ChevronsUpDown,
  Copy,
  FastForward,
  Pin,
  PinOff,
  Play,
  Plug,
  RotateCcw,
  StepForward,
  Trash2,
} from "lucide-react";
import { useCallback, useEffect } from "react";

import { nodeRows } from "../live";
import { findNode } from "../model/graph";
import { whyNotAgain } from "../model/nodeVerbs";
import { tellingRow } from "../model/run";
import { isReadOnly, shownSpec } from "../state";
import { actions, useStore } from "../store";
import { again, oldVersionNote } from "./again";
import { Menu, type MenuItem } from "./Menu";

export function NodeMenu() {
  const menu = useStore((state) => state.ui.nodeMenu);
  const onClose = useCallback(() => actions().setNodeMenu(null), []);
  return menu ? <OpenMenu key={menu.key} nodeKey={menu.key} at={menu.at} onClose={onClose} /> : null;
}

function OpenMenu({ nodeKey, at, onClose }: { nodeKey: string; at: [number, number]; onClose: () => void }) {
  const why = useStore(whyNotAgain);
  const readOnly = useStore(isReadOnly);
  const pinned = useStore((state) => Boolean(findNode(shownSpec(state), nodeKey)?.pinned));
  const expanded = useStore((state) => state.ui.expanded.includes(nodeKey));
  const note = useStore(oldVersionNote);
  useEffect(() => {
    if (why === "") void actions().loadRan();
  }, [why]);
  const row = tellingRow(nodeRows(nodeKey));
  const pin: MenuItem = pinned
    ? { label: "Remove pinned data", icon: <PinOff />, run: () => actions().setPinned(nodeKey, null) }
    : {
        label: "Pin its output",
        icon: <Pin />,
        why: row?.status === "completed" ? "" : "It has given nothing in the shown run.",
        run: () => {
          if (row) void actions().pinRow(row);
        },
      };
  const act = actions();
  const drawing: MenuItem[] = [
    { label: "Link", icon: <Plug />, keys: "C", run: () => act.setFinder({ kind: "connect", key: nodeKey }) },
    {
      label: expanded ? "Show fewer ports" : "Show all ports",
      icon: <ChevronsUpDown />,
      run: () => act.toggleExpanded(nodeKey),
    },
    { label: "Duplicate", icon: <Copy />, keys: "Ctrl D", run: act.duplicateSelected },
  ];
  return (
    <Menu
      label="Node"
      at={at}
      note={why || note}
      onClose={onClose}
      groups={[
        runItems(nodeKey, why),
        readOnly ? [] : [pin],
        readOnly ? [] : drawing,
        readOnly ? [] : [{ label: "Delete", icon: <Trash2 />, keys: "Del", danger: true, run: act.removeSelected }],
      ]}
    />
  );
}

function runItems(key: string, why: string): MenuItem[] {
  return [
    { label: "Run this node…", icon: <Play />, keys: "R", why, run: () => actions().setNodeRun(key) },
    { label: "Run from here", icon: <FastForward />, keys: "Shift R", why, run: () => void again({ from: [key] }) },
    { label: "Run up to here", icon: <StepForward />, why, run: () => void again({ to: [key] }) },
    ...(failed(key)
      ? [{ label: "Retry from the failed nodes", icon: <RotateCcw />, why, run: () => void again({ failed: true }) }]
      : []),
  ];
}

function failed(key: string): boolean {
  return nodeRows(key).some((row) => row.status === "failed" && !row.handled);
}
