/** The shown run below the canvas: its timeline, its data, its events. */

import { ChevronDown, Maximize2, Minimize2 } from "lucide-react";
import { useId, type KeyboardEvent } from "react";

import { clock, duration } from "../model/format";
import { costWords } from "../model/usage";
import { recoveryWords } from "../model/recovery";
import { statusWord } from "../model/run";
import { isFinal } from "../model/runs";
import { lengthOf } from "../model/timeline";
import type { Execution } from "../model/types";
import type { DrawerTab } from "../state";
import { actions, useStore } from "../store";
import { IconButton } from "./Button";
import { DataTab } from "./drawer/DataTab";
import { EventsTab } from "./drawer/EventsTab";
import { Grip } from "./drawer/Grip";
import { Timeline } from "./drawer/Timeline";
import { useDrawerHeight } from "./drawer/useDrawerHeight";
import styles from "./RunDrawer.module.css";
import { StatusMark } from "./StatusBadge";
import { Tally } from "./Tally";
import { useTick } from "./useTick";

const TABS: readonly { id: DrawerTab; title: string }[] = [
  { id: "timeline", title: "Timeline" },
  { id: "data", title: "Data" },
  { id: "events", title: "Events" },
];

export function RunDrawer() {
  const execution = useStore((state) => state.run.execution);
  const tab = useStore((state) => state.ui.drawerTab);
  const height = useDrawerHeight();
  const base = useId();
  if (!execution) return null;
  return (
    <div className={styles.drawer}>
      <Grip height={height} />
      <div className={styles.head}>
        <div className={styles.tabs} role="tablist" aria-label="About this run" onKeyDown={(event) => move(event, tab)}>
          {TABS.map(({ id, title }) => (
            <button
              key={id}
              id={`${base}-${id}`}
              type="button"
              role="tab"
              aria-selected={id === tab}
              aria-controls={`${base}-panel`}
              tabIndex={id === tab ? 0 : -1}
              onClick={() => actions().setDrawerTab(id)}
            >
              {title}
            </button>
          ))}
        </div>
        <RunWords execution={execution} />
        <IconButton label={height.large ? "Smaller" : "Larger"} onClick={height.toggle}>
          {height.large ? <Minimize2 size={14} /> : <Maximize2 size={14} />}
        </IconButton>
        <IconButton label="Close run panel" onClick={() => actions().setDrawerOpen(false)}>
          <ChevronDown size={16} />
        </IconButton>
      </div>
      <div id={`${base}-panel`} className={styles.body} role="tabpanel" aria-labelledby={`${base}-${tab}`}>
        {tab === "timeline" && <Timeline execution={execution} />}
        {tab === "timeline" && <EventsTab execution={execution} beside />}
        {tab === "data" && <DataTab execution={execution} />}
        {tab === "events" && <EventsTab execution={execution} />}
      </div>
    </div>
  );
}

function RunWords({ execution }: { execution: Execution }) {
  const now = useTick(!isFinal(execution.status));
  const home = useStore((state) => state.home);
  const below = useStore((state) => state.run.detail?.cost_below ?? null);
  const recovery = recoveryWords(useStore((state) => state.run.events));
  const began = execution.started_at === null ? "not started yet" : `started ${clock(execution.started_at)}`;
  const cost = costWords(execution.cost, below);
  const took = execution.started_at === null ? "" : `, ${duration(lengthOf(execution, now))}`;
  return (
    <span className={`${styles.words ?? ""} num`}>
      <StatusMark status={execution.status} size={14} label="" />
      <b>{statusWord(execution.status)}</b>
      <span>
        {`${began} by ${execution.trigger}${took}`}
        {execution.cancel_requested && !isFinal(execution.status) && ", cancelling"}
      </span>
      {recovery !== "" && (
        <span className={styles.recovery} title={recovery}>
          {recovery}
        </span>
      )}
      {cost !== "" && <span title="US dollars">{cost}</span>}
      <span className={styles.tally}>
        <Tally counts={execution.counts} />
      </span>
      {execution.trigger_id != null && (
        <a
          href={`${home}triggers/${execution.trigger}/${execution.trigger_id}/`}
        >{`Started by a ${execution.trigger}`}</a>
      )}
      {execution.parent && <a href={`${home}executions/${execution.parent}/`}>Started by another run</a>}
      {execution.retry_of && <a href={`${home}executions/${execution.retry_of}/`}>Goes on from another run</a>}
    </span>
  );
}

function move(event: KeyboardEvent<HTMLElement>, tab: DrawerTab): void {
  const step = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
  if (step === 0) return;
  const next = TABS[(TABS.findIndex(({ id }) => id === tab) + step + TABS.length) % TABS.length];
  if (!next) return;
  actions().setDrawerTab(next.id);
  event.currentTarget.querySelectorAll<HTMLElement>("[role=tab]")[TABS.indexOf(next)]?.focus();
}
