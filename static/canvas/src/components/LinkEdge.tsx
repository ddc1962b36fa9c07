/** One link: coloured by what it carries; dashed and moving while its nodes run, dotted when nothing came through. */

import { BaseEdge, EdgeLabelRenderer, getBezierPath, getSmoothStepPath, type EdgeProps } from "@xyflow/react";
import { Trash2 } from "lucide-react";
import { memo, useCallback, useState, useSyncExternalStore } from "react";

import { nodeSummary, subscribeNode } from "../live";
import type { LinkFlowEdge } from "../mapping";
import { linkLive } from "../model/linkLive";
import { portMember, portRoot } from "../model/graph";
import { isFinal } from "../model/runs";
import type { LinkSpec } from "../model/types";
import { actions, useStore } from "../store";
import { isReadOnly } from "../state";
import { IconButton } from "./Button";
import { useToolScale } from "./useViewport";
import styles from "./LinkEdge.module.css";

/** Room that a curve needs between its ends. */
const BACK = 24;

function LinkEdgeView(props: EdgeProps<LinkFlowEdge>) {
  const { id, source, target, sourceX, sourceY, targetX, targetY, sourcePosition, targetPosition, selected, data } =
    props;
  const ends = { sourceX, sourceY, targetX, targetY, sourcePosition, targetPosition };
  // A link to the left goes around in right angles: a curve would run through both nodes.
  const [path, middleX, middleY] =
    targetX < sourceX + BACK ? getSmoothStepPath({ ...ends, borderRadius: 14, offset: 22 }) : getBezierPath(ends);
  const live = useLinkLive(source, target);
  const member = data ? portMember(data.link.source_port) : "";
  return (
    <g
      className={styles.link}
      data-type={data?.type}
      data-live={live}
      data-selected={selected}
      data-broken={data?.broken}
    >
      <BaseEdge id={id} path={path} interactionWidth={18} />
      {data && (selected === true || member !== "") && (
        <EdgeLabelRenderer>
          <div
            className={`${styles.place} nodrag nopan`}
            style={{
              // The part's name stands at the port that it goes into: there links do not lie on each other.
              transform: selected
                ? `translate(-50%, -50%) translate(${middleX}px, ${middleY}px)`
                : `translate(-100%, -50%) translate(${targetX - 9}px, ${targetY}px)`,
            }}
          >
            {selected ? <LinkTools key={id} link={data.link} /> : <span className={styles.part}>{member}</span>}
          </div>
        </EdgeLabelRenderer>
      )}
    </g>
  );
}

export const LinkEdge = memo(LinkEdgeView);

/** What the run says about a link; renders again only when the answer changes. */
function useLinkLive(source: string, sink: string) {
  const run = useStore((state) =>
    state.run.execution ? (isFinal(state.run.execution.status) ? "over" : "on") : "none",
  );
  const subscribe = useCallback(
    (listener: () => void) => {
      const stops = [subscribeNode(source, listener), subscribeNode(sink, listener)];
      return () => stops.forEach((stop) => stop());
    },
    [source, sink],
  );
  return useSyncExternalStore(subscribe, () => linkLive(run, nodeSummary(source)?.status, nodeSummary(sink)?.status));
}

/** For the selected link: which part of the value it takes, which member it fills, and a way to remove it. */
function LinkTools({ link }: { link: LinkSpec }) {
  const readOnly = useStore(isReadOnly);
  const scale = useToolScale();
  const [part, setPart] = useState(portMember(link.source_port));
  const [member, setMember] = useState(portMember(link.sink_port));
  const commit = (): void => {
    const name = (port: string, inner: string): string =>
      inner.trim() === "" ? portRoot(port) : `${portRoot(port)}.${inner.trim()}`;
    actions().replaceLink(link, {
      ...link,
      source_port: name(link.source_port, part),
      sink_port: name(link.sink_port, member),
    });
  };
  const onKey = (event: { key: string; stopPropagation: () => void }): void => {
    event.stopPropagation();
    if (event.key === "Enter") commit();
  };
  return (
    <div className={styles.tools} style={{ transform: `scale(${scale})` }} role="toolbar" aria-label="Link">
      <label title="Take only a part of the value, such as body.title or 0">
        {portRoot(link.source_port)}.
        <input
          value={part}
          placeholder="whole"
          disabled={readOnly}
          onChange={(event) => setPart(event.target.value)}
          onBlur={commit}
          onKeyDown={onKey}
          aria-label="Part of the output"
        />
      </label>
      <span aria-hidden="true">→</span>
      <label title="Fill only a member of the input, such as name or 0">
        {portRoot(link.sink_port)}.
        <input
          value={member}
          placeholder="whole"
          disabled={readOnly}
          onChange={(event) => setMember(event.target.value)}
          onBlur={commit}
          onKeyDown={onKey}
          aria-label="Member of the input"
        />
      </label>
      {!readOnly && (
        <IconButton label="Delete link" keys="Delete" onClick={() => actions().removeLink(link)}>
          <Trash2 />
        </IconButton>
      )}
    </div>
  );
}
