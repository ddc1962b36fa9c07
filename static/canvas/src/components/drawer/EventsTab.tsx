/** Everything that happened in a run, in order. */

import { useEffect, useRef } from "react";

import { findNode, nodeTitle } from "../../model/graph";
import { itemName, type StoryLine } from "../../model/run";
import type { Execution } from "../../model/types";
import { blockOf, shownSpec, type State } from "../../state";
import { actions, useStore } from "../../store";
import { useWindow } from "../useWindow";
import styles from "./EventsTab.module.css";
import { useStory } from "./useStory";

const LINE = 20;

/** `beside`: a narrow copy next to the timeline, where there is room for it. */
export function EventsTab({ execution, beside = false }: { execution: Execution; beside?: boolean }) {
  const ref = useRef<HTMLDivElement>(null);
  const lines = useStory(execution);
  const seen = useWindow(ref, lines.length, LINE);
  useFollow(ref, lines.length);
  return (
    <div
      ref={ref}
      className={styles.events}
      data-beside={beside}
      onScroll={seen.onScroll}
      role="log"
      aria-label="Events"
      aria-live="off"
      tabIndex={0}
    >
      <div style={{ height: lines.length * LINE + 12 }}>
        <div style={{ transform: `translateY(${seen.first * LINE + 6}px)` }}>
          {lines.slice(seen.first, seen.end).map((line) => (
            <EventLine key={line.id} line={line} />
          ))}
        </div>
      </div>
    </div>
  );
}

/** Stays at the newest line for those who are at the newest line. */
function useFollow(ref: React.RefObject<HTMLDivElement | null>, lines: number): void {
  const before = useRef(0);
  useEffect(() => {
    const element = ref.current;
    if (!element) return;
    const end = before.current * LINE + 12;
    if (element.scrollTop + element.clientHeight >= end - LINE) element.scrollTop = element.scrollHeight;
    before.current = lines;
  }, [ref, lines]);
}

function EventLine({ line }: { line: StoryLine }) {
  const title = useStore((state) => titleOf(state, line.node));
  const { row } = line;
  const item = row && row.path.length + row.ordinal > 0 ? itemName(row) : "";
  return (
    <button
      type="button"
      className={styles.line}
      data-kind={line.kind}
      tabIndex={-1}
      title={line.text}
      onClick={() => {
        if (row) actions().selectNode(row.node, row.id);
      }}
    >
      <time className="num">{stamp(line.at)}</time>
      <b>{title}</b>
      {item !== "" && <em>{item}</em>}
      <span>{line.text}</span>
    </button>
  );
}

function titleOf(state: State, key: string): string {
  if (key === "") return "Run";
  const node = findNode(shownSpec(state), key);
  return nodeTitle(node, blockOf(state, node)) || key;
}

/** `14:03:07.003` in the reader's time zone. */
function stamp(at: number): string {
  const date = new Date(at);
  const parts = [date.getHours(), date.getMinutes(), date.getSeconds()].map((part) => String(part).padStart(2, "0"));
  return `${parts.join(":")}.${String(date.getMilliseconds()).padStart(3, "0")}`;
}
