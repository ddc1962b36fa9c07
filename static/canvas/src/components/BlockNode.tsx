/** One node on the canvas: what it is, its ports, and how its last run went. */

import { Handle, Position, type NodeProps } from "@xyflow/react";
import { ChevronsUpDown, Copy, Merge, Pin, Play, Plug, RotateCcw, Trash2 } from "lucide-react";
import { memo, useEffect, useRef } from "react";

import { nodeSummary, subscribeNode, useNodeSummary } from "../live";
import type { BlockFlowNode } from "../mapping";
import { nodeTitle } from "../model/graph";
import { nodeHint, problemHint } from "../model/nodeHint";
import { footerText } from "../model/nodeText";
import { statusColour, statusWord } from "../model/run";
import { isFinal } from "../model/runs";
import type { NodeShape, PortRow } from "../model/shape";
import { hasHandled, origin } from "../model/summary";
import type { NodeSpec, Problem, StreamedText } from "../model/types";
import { actions, useStore } from "../store";
import { isReadOnly, mayRun, selectedKey } from "../state";
import { IconButton } from "./Button";
import { Tile } from "./icons";
import { Origin } from "./Origin";
import { StatusMark } from "./StatusBadge";
import { useGraphName } from "./useGraphName";
import { useNow } from "./useNow";
import { useToolScale } from "./useViewport";
import { useWait } from "./useWait";
import styles from "./BlockNode.module.css";

function BlockNodeView({ id, data, selected }: NodeProps<BlockFlowNode>) {
  const { node, shape, unknown } = data;
  const block = useStore((state) => state.catalogue.blocks[node.block]);
  const root = useRef<HTMLDivElement>(null);

  // Status reaches the border without React: one attribute, written only when it changed.
  useEffect(() => {
    const write = (): void => {
      const summary = nodeSummary(id);
      const status = summary === undefined ? "" : summary.handled ? "handled" : summary.status;
      if (root.current && root.current.dataset.status !== status) root.current.dataset.status = status;
    };
    write();
    return subscribeNode(id, write);
  }, [id]);

  return (
    <div ref={root} className={styles.node} data-selected={selected} data-unknown={unknown} data-key={id}>
      <header className={styles.head}>
        <Tile category={block?.category ?? ""} icon={unknown ? "circle-help" : (block?.icon ?? "box")} size={26} />
        <div className={styles.title}>
          <b title={nodeTitle(node, block)}>{nodeTitle(node, block)}</b>
          <span>{unknown ? `${node.block} is not installed` : node.title ? block?.title : block?.category}</span>
        </div>
        <Mark id={id} />
      </header>
      <Ports shape={shape} />
      {node.pinned && <PinMark />}
      <Footer id={id} node={node} problem={data.problem} />
      {selected && <Toolbar id={id} />}
    </div>
  );
}

export const BlockNode = memo(
  BlockNodeView,
  (before, after) => before.data === after.data && before.selected === after.selected,
);

/** Blocks whose input `graph` names the graph that they run. */
const RUNS_GRAPH: ReadonlySet<string> = new Set(["graph.run", "logic.fold"]);

/** On the upper edge: this node gives pinned data. */
function PinMark() {
  return (
    <span className={styles.pin} title="Pinned data: the node gives these values instead of running">
      <Pin aria-hidden="true" /> Pinned
    </span>
  );
}

/** A run is on: nodes that it has not reached wait for their turn. */
function useIsAhead(): boolean {
  return useStore((state) => state.run.execution !== null && !isFinal(state.run.execution.status));
}

function Mark({ id }: { id: string }) {
  const summary = useNodeSummary(id);
  const ahead = useIsAhead();
  if (!summary) return ahead ? <StatusMark status="queued" /> : null;
  if (hasHandled(summary)) return <StatusMark status="failed" handled />;
  return <StatusMark status={summary.status} handled={summary.handled} />;
}

const KIND_WORDS = { value: "", stream: "each", collect: "all", gather: "all" } as const;

function Ports({ shape }: { shape: NodeShape }) {
  const count = Math.max(shape.inputs.length, shape.outputs.length);
  return (
    <div className={styles.ports}>
      {Array.from({ length: count }, (_, index) => (
        <div className={styles.row} key={index}>
          <PortLabel row={shape.inputs[index]} side="input" />
          <PortLabel row={shape.outputs[index]} side="output" />
        </div>
      ))}
    </div>
  );
}

function PortLabel({ row, side }: { row: PortRow | undefined; side: "input" | "output" }) {
  if (!row) return <span />;
  const isInput = side === "input";
  const kind = KIND_WORDS[row.kind];
  return (
    <>
      <Handle
        id={row.name}
        type={isInput ? "target" : "source"}
        position={isInput ? Position.Left : Position.Right}
        className={styles.port ?? ""}
        data-type={row.type}
        data-linked={row.linked}
        title={`${row.title || row.name}: ${row.type}`}
      />
      <span className={isInput ? styles.input : styles.output}>
        {row.label}
        {isInput && row.required ? <i className={styles.required}>*</i> : null}
        {kind !== "" && <em>{kind}</em>}
        {row.arrivals > 0 && <Arrivals links={row.arrivals} />}
      </span>
    </>
  );
}

/** Marks a port where the order of arrival decides. */
function Arrivals({ links }: { links: number }) {
  const words = `${links} links lead here: each value that comes makes a run, in the order in which they arrive`;
  return (
    <i className={styles.arrivals} role="img" aria-label={words} title={words}>
      <Merge aria-hidden="true" />
    </i>
  );
}

function Footer({ id, node, problem }: { id: string; node: NodeSpec; problem: Problem | undefined }) {
  const summary = useNodeSummary(id);
  const now = useNow(summary?.status === "running" ? 200 : 0);
  const ahead = useIsAhead();
  const wait = useWait(id, summary);
  const { graph } = node.config;
  const graphName = useGraphName(RUNS_GRAPH.has(node.block) && typeof graph === "number" ? graph : null);
  const hint = nodeHint(node) || graphName;
  if (!summary) {
    return (
      <footer className={styles.foot} data-problem={problem?.severity}>
        {ahead && <span className={styles.word}>{statusWord("queued")}</span>}
        <span className={styles.hint} title={problem?.detail ?? hint}>
          {problem ? problemHint(problem) : hint}
        </span>
      </footer>
    );
  }
  const { word, facts } = footerText(summary, now, wait);
  const from = origin(summary);
  return (
    <>
      <footer className={styles.foot}>
        <span className={styles.word} style={{ color: statusColour(summary.status, summary.handled) }} title={wait}>
          {word}
        </span>
        <span className={styles.facts}>{facts}</span>
        {from && <Origin kind={from} />}
        {summary.interrupted > 0 && <Interrupted attempts={summary.attempts} />}
        {summary.progress !== null && (
          <span className={styles.progress} role="progressbar" aria-valuenow={Math.round(summary.progress * 100)}>
            <i style={{ width: `${Math.round(summary.progress * 100)}%` }} />
          </span>
        )}
      </footer>
      {summary.stream && <Streamed stream={summary.stream} />}
      {summary.status === "failed" && summary.error && (
        <p className={styles.error} title={summary.error.message}>
          {summary.error.message ?? summary.error.detail}
        </p>
      )}
    </>
  );
}

/** Characters that fit below a node. */
const MOST_STREAMED = 200;

/** The newest of the text that it gives, until the whole is there. */
function Streamed({ stream }: { stream: StreamedText }) {
  return (
    <div className={styles.stream} aria-label={`${stream.port}, so far`}>
      <p>{stream.text.slice(-MOST_STREAMED)}</p>
    </div>
  );
}

/** It was tried again because its worker was lost or stopped. */
function Interrupted({ attempts }: { attempts: number }) {
  const words = `Attempt ${attempts}: its worker was lost or stopped, so it was tried again`;
  return (
    <span className={styles.interrupted} role="img" aria-label={words} title={words}>
      <RotateCcw aria-hidden="true" />
      {attempts}
    </span>
  );
}

/** Above the one selected node: what can be done with it. */
function Toolbar({ id }: { id: string }) {
  const alone = useStore((state) => selectedKey(state) === id);
  const readOnly = useStore(isReadOnly);
  const scale = useToolScale();
  const runs = useStore((state) => mayRun(state) && state.run.execution !== null);
  if (!alone || (readOnly && !runs)) return null;
  const act = actions();
  return (
    <div
      className={`${styles.toolbar} nodrag nopan`}
      style={{ transform: `translateX(-50%) scale(${scale})` }}
      role="toolbar"
      aria-label="Node"
    >
      <IconButton
        label="Run and more"
        aria-haspopup="menu"
        onClick={(event) => {
          const box = event.currentTarget.getBoundingClientRect();
          act.setNodeMenu({ key: id, at: [Math.round(box.left), Math.round(box.bottom + 6)] });
        }}
      >
        <Play />
      </IconButton>
      {!readOnly && <DrawingTools id={id} />}
    </div>
  );
}

function DrawingTools({ id }: { id: string }) {
  const expanded = useStore((state) => state.ui.expanded.includes(id));
  const act = actions();
  return (
    <>
      <IconButton label="Connect" keys="C" onClick={() => act.setFinder({ kind: "connect", key: id })}>
        <Plug />
      </IconButton>
      <IconButton
        label={expanded ? "Show fewer ports" : "Show all ports, also error"}
        pressed={expanded}
        onClick={() => act.toggleExpanded(id)}
      >
        <ChevronsUpDown />
      </IconButton>
      <IconButton label="Duplicate" keys="Ctrl+D" onClick={act.duplicateSelected}>
        <Copy />
      </IconButton>
      <IconButton label="Delete" keys="Delete" onClick={act.removeSelected}>
        <Trash2 />
      </IconButton>
    </>
  );
}
