/** One node: its title, and tabs for what it is told to do and what it did. */

import { useId, type KeyboardEvent } from "react";

import type { InspectorTab } from "../../state";
import { actions, useStore } from "../../store";
import styles from "../Inspector.module.css";
import { ConfigTab } from "./ConfigTab";
import { DecisionCard } from "./DecisionCard";
import { NodeHeader } from "./NodeHeader";
import { RunTab } from "./RunTab";
import { useRowChoice } from "./useRowChoice";

const TABS: readonly { id: InspectorTab; title: string }[] = [
  { id: "config", title: "Config" },
  { id: "input", title: "Input" },
  { id: "output", title: "Output" },
  { id: "log", title: "Log" },
];

export function NodePanel({ nodeKey }: { nodeKey: string }) {
  const tab = useStore((state) => state.ui.inspectorTab);
  const base = useId();
  const choice = useRowChoice(nodeKey);
  return (
    <>
      <NodeHeader nodeKey={nodeKey} />
      <div className={styles.tabs} role="tablist" aria-label="About this node" onKeyDown={(event) => move(event, tab)}>
        {TABS.map(({ id, title }) => (
          <button
            key={id}
            id={`${base}-${id}`}
            type="button"
            role="tab"
            aria-selected={id === tab}
            aria-controls={`${base}-panel`}
            tabIndex={id === tab ? 0 : -1}
            onClick={() => actions().setInspectorTab(id)}
          >
            {title}
            <Count
              of={
                id === "output" ? choice.detail?.outputs.length : id === "log" ? choice.detail?.log.length : undefined
              }
            />
          </button>
        ))}
      </div>
      <div id={`${base}-panel`} className={styles.panel} role="tabpanel" aria-labelledby={`${base}-${tab}`}>
        <DecisionCard row={choice.row} />
        {tab === "config" ? <ConfigTab nodeKey={nodeKey} /> : <RunTab nodeKey={nodeKey} tab={tab} choice={choice} />}
      </div>
    </>
  );
}

function Count({ of }: { of: number | undefined }) {
  return of === undefined || of === 0 ? null : <span className={`${styles.count ?? ""} num`}>{of}</span>;
}

function move(event: KeyboardEvent<HTMLElement>, tab: InspectorTab): void {
  const step = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
  if (step === 0) return;
  const next = TABS[(TABS.findIndex(({ id }) => id === tab) + step + TABS.length) % TABS.length];
  if (!next) return;
  actions().setInspectorTab(next.id);
  event.currentTarget.querySelectorAll<HTMLElement>("[role=tab]")[TABS.indexOf(next)]?.focus();
}
