/** One node's line of the timeline. */

import { memo, type CSSProperties } from "react";

import { nodeRows, useNodeSummary } from "../../live";
import { findNode, nodeTitle } from "../../model/graph";
import { statusColour, statusWord } from "../../model/run";
import { origin, type NodeSummary } from "../../model/summary";
import { endOf, lineLabel, lineOf, xOf, type Bar, type Line, type Scale } from "../../model/timeline";
import { blockOf, shownSpec } from "../../state";
import { actions, useStore } from "../../store";
import { Origin } from "../Origin";
import { StatusMark } from "../StatusBadge";
import { useTick } from "../useTick";
import { useWait } from "../useWait";
import styles from "./Timeline.module.css";

interface LineProps {
  nodeKey: string;
  top: number;
  left: number;
  scale: Scale;
  origin: number;
  /** The run has ended: what has not started never will. */
  over: boolean;
  selected: boolean;
}

export const TimelineLine = memo(function TimelineLine(props: LineProps) {
  const { nodeKey, top, left, selected, over, origin } = props;
  const title = useStore((state) => {
    const node = findNode(shownSpec(state), nodeKey);
    return nodeTitle(node, blockOf(state, node)) || nodeKey;
  });
  const summary = useNodeSummary(nodeKey);
  const line = lineOf(summary, () => nodeRows(nodeKey), origin);
  return (
    <div
      id={`line-${nodeKey}`}
      className={styles.line}
      style={{ top }}
      role="option"
      aria-selected={selected}
      data-status={summary?.status ?? "none"}
      onClick={() => actions().selectNode(nodeKey)}
    >
      <span className={styles.name} style={{ width: left - 14 }} title={title}>
        {title}
      </span>
      <span className={styles.track} style={{ left }}>
        {summary ? (
          <Ran {...props} summary={summary} line={line} />
        ) : (
          <span className={styles.never}>{over ? "not reached" : ""}</span>
        )}
      </span>
    </div>
  );
});

function Ran({ nodeKey, scale, origin, summary, line }: LineProps & { summary: NodeSummary; line: Line }) {
  const growing = line.bars.some((bar) => bar.end === null) || line.waited?.end === null;
  const now = useTick(growing) - origin;
  if (summary.status === "skipped") {
    return (
      <span className={styles.skipped}>
        <StatusMark status="skipped" size={12} label="" /> Skipped{line.reason === "" ? "" : `: ${line.reason}`}
      </span>
    );
  }
  const { waited } = line;
  return (
    <>
      {waited && <i className={styles.waited} style={span(scale, waited.start, waited.end ?? now)} />}
      {line.bars.map((bar) => (
        <BarMark key={bar.id} bar={bar} nodeKey={nodeKey} scale={scale} now={now} />
      ))}
      <span className={`${styles.label ?? ""} num`} style={{ left: Math.max(4, xOf(scale, endOf(line, now))) + 7 }}>
        <Words nodeKey={nodeKey} summary={summary} line={line} now={now} />
      </span>
    </>
  );
}

interface WordsProps {
  nodeKey: string;
  summary: NodeSummary;
  line: Line;
  now: number;
}

function Words({ nodeKey, summary, line, now }: WordsProps) {
  const { status, handled } = summary;
  const wait = useWait(nodeKey, summary);
  const from = origin(summary);
  const label = wait !== "" && line.items === "" ? wait : lineLabel(line, now);
  const odd =
    status === "failed" || status === "cancelled" || status === "waiting" || (status === "queued" && label === "");
  return (
    <>
      {odd && <StatusMark status={status} handled={handled} size={12} label={statusWord(status, handled)} />}
      {odd && label === "" ? statusWord(status, handled) : from ? line.items : label}
      {from && <Origin kind={from} />}
      {line.failed > 0 && <b>{line.failed.toLocaleString("en")} failed</b>}
      <span className="visually-hidden">{statusWord(status, handled)}</span>
    </>
  );
}

function BarMark({ bar, nodeKey, scale, now }: { bar: Bar; nodeKey: string; scale: Scale; now: number }) {
  const colour = { "--st": statusColour(bar.status, bar.handled) } as CSSProperties;
  return (
    <>
      <i
        className={styles.bar}
        data-status={bar.status}
        data-span={bar.id === "span"}
        style={{ ...colour, ...span(scale, bar.start, bar.end ?? now) }}
        onClick={(event) => {
          event.stopPropagation();
          actions().selectNode(nodeKey, bar.id === "span" ? null : bar.id);
        }}
      />
      {bar.failures?.map((at, index) => (
        <i key={index} className={styles.failure} style={{ left: xOf(scale, at) - 1 }} />
      ))}
    </>
  );
}

function span(scale: Scale, start: number, end: number): CSSProperties {
  const left = xOf(scale, start);
  return { left, width: Math.max(3, xOf(scale, end) - left) };
}
