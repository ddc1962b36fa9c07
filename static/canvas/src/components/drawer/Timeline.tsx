/** When each node of a run waited and ran: one line per node, one bar per run, on one time scale. */

import { useEffect, useMemo, useRef, type KeyboardEvent } from "react";

import { liveKeys, useLiveVersion } from "../../live";
import { topological } from "../../model/graph";
import { gaps } from "../../model/recovery";
import { isFinal } from "../../model/runs";
import { lengthOf, originOf, scaleOf, ticks, xOf, type Scale } from "../../model/timeline";
import type { Execution } from "../../model/types";
import { selectedKey, shownSpec } from "../../state";
import { actions, useStore } from "../../store";
import { useTick } from "../useTick";
import { useWindow } from "../useWindow";
import styles from "./Timeline.module.css";
import { TimelineLine } from "./TimelineLine";

export const LINE = 21;
const HEAD = 26;
/** Room left of the bars for names, and right of them for words. */
const LEFT = 148;
const RIGHT = 150;

export function Timeline({ execution }: { execution: Execution }) {
  const ref = useRef<HTMLDivElement>(null);
  const keys = useLineKeys();
  const seen = useWindow(ref, keys.length, LINE, HEAD);
  const selected = useStore(selectedKey);
  const events = useStore((state) => state.run.events);
  const absences = useMemo(() => gaps(events), [events]);
  const going = !isFinal(execution.status);
  const now = useTick(going);
  const origin = originOf(execution);
  const length = lengthOf(execution, now);
  const scale = useStableScale(scaleOf(length, Math.max(120, seen.width - LEFT - RIGHT), going));
  const { reveal } = seen;
  const at = selected === null ? -1 : keys.indexOf(selected);
  useEffect(() => reveal(at), [at, reveal]);
  const step = (event: KeyboardEvent): void => {
    const by = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
    const next = keys[Math.min(Math.max(at + by, 0), keys.length - 1)];
    if (by === 0 || next === undefined) return;
    event.preventDefault();
    actions().selectNode(next);
  };
  return (
    <div
      ref={ref}
      className={styles.timeline}
      role="listbox"
      aria-label="Timeline"
      aria-activedescendant={at < 0 ? undefined : `line-${selected ?? ""}`}
      tabIndex={0}
      onScroll={seen.onScroll}
      onKeyDown={step}
    >
      <div className={styles.sheet} style={{ height: HEAD + keys.length * LINE + 6 }}>
        <Axis scale={scale} />
        {absences.map((gap) => (
          <i
            key={gap.from}
            className={styles.gap}
            data-lost={gap.lost}
            title={gap.lost ? "Without a worker: it was lost" : "Without a worker: it was stopped"}
            style={{
              left: LEFT + xOf(scale, gap.from - origin),
              width: Math.max(2, xOf(scale, (gap.to ?? now) - origin) - xOf(scale, gap.from - origin)),
            }}
          />
        ))}
        {going && execution.started_at !== null && (
          <i className={styles.playhead} style={{ left: LEFT + xOf(scale, length) }} aria-hidden="true" />
        )}
        {keys.slice(seen.first, seen.end).map((key, offset) => (
          <TimelineLine
            key={key}
            nodeKey={key}
            top={HEAD + (seen.first + offset) * LINE}
            left={LEFT}
            scale={scale}
            origin={origin}
            over={!going}
            selected={key === selected}
          />
        ))}
      </div>
    </div>
  );
}

/** The graph's nodes in the order of the data, then nodes that ran but are not in the drawing (any more). */
function useLineKeys(): string[] {
  const spec = useStore(shownSpec);
  const version = useLiveVersion();
  const ordered = useMemo(() => topological(spec), [spec]);
  return useMemo(() => {
    const known = new Set(ordered);
    // `version` says when the live rows changed.
    const others = version === 0 ? [] : liveKeys().filter((key) => !known.has(key));
    return others.length === 0 ? ordered : [...ordered, ...others];
  }, [ordered, version]);
}

/** The same object while it means the same, so that lines that did not change are not drawn again. */
function useStableScale({ length, width }: Scale): Scale {
  return useMemo(() => ({ length, width }), [length, width]);
}

/** Labels that stay at the top, and lines that go all the way down. */
function Axis({ scale }: { scale: Scale }) {
  const marks = useMemo(() => ticks(scale.length, Math.max(2, Math.floor(scale.width / 64))), [scale]);
  return (
    <div className={styles.marks} aria-hidden="true">
      <div className={styles.axis}>
        {marks.map((mark) => (
          <span key={mark.at} className="num" style={{ left: LEFT + xOf(scale, mark.at) }}>
            {mark.label}
          </span>
        ))}
      </div>
      {marks.map((mark) => (
        <i key={mark.at} style={{ left: LEFT + xOf(scale, mark.at) }} />
      ))}
    </div>
  );
}
