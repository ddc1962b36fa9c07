/** Fills the store for a test. */

import { applyRows, clearLive } from "../live";
import { EMPTY_SPEC } from "../model/graph";
import type {
  BlockDescription,
  Boot,
  Execution,
  GraphSpec,
  NodePorts,
  NodeRow,
  Port,
  Problem,
  Role,
  Schema,
  WatchedExecution,
} from "../model/types";
import { emptyState, startDraft, useStore } from "../store";
import type { State } from "../state";

export function port(name: string, schema: Schema = { type: "string" }, more: Partial<Port> = {}): Port {
  return { name, title: "", description: "", kind: "value", schema, required: false, default: null, ...more };
}

export function block(id: string, more: Partial<BlockDescription> = {}): BlockDescription {
  return {
    id,
    version: 1,
    title: id,
    category: "Text",
    icon: "box",
    description: "",
    effect: "pure",
    runs_in: "async",
    inputs: [],
    outputs: [],
    config_schema: { type: "object", properties: {} },
    dynamic_outputs: false,
    dynamic_inputs: false,
    examples: [],
    disabled_reason: "",
    ...more,
  };
}

export const split = block("text.split", {
  title: "Split",
  icon: "scissors",
  inputs: [port("text", { type: "string" }, { required: true }), port("separator")],
  outputs: [port("parts", { type: "array" }), port("part", { type: "string" }, { kind: "stream" })],
});
export const join = block("text.join", {
  title: "Join",
  icon: "link",
  inputs: [port("items", { type: "array" }, { required: true }), port("separator")],
  outputs: [port("text")],
});

/** `split -> join`, the smallest graph with a link. */
export const smallSpec: GraphSpec = {
  ...EMPTY_SPEC,
  name: "Small",
  nodes: [
    { key: "split", block: "text.split", config: { text: "a,b" } },
    { key: "join", block: "text.join", config: {} },
  ],
  links: [{ source: "split", source_port: "parts", sink: "join", sink_port: "items" }],
  layout: { split: [0, 0], join: [300, 0] },
};

export function execution(more: Partial<WatchedExecution> = {}): WatchedExecution {
  return {
    id: "01900000-0000-7000-8000-000000000001",
    graph: { id: 1, name: "Small" },
    version: 1,
    status: "running",
    reason: null,
    error: null,
    counts: {},
    cost: null,
    trigger: "manual",
    owner: { id: 1, name: "alice" },
    created_at: "2026-11-23T10:00:00.000000Z",
    started_at: "2026-11-23T10:00:00.100000Z",
    ended_at: null,
    seq: 0,
    cancel_requested: false,
    parent: null,
    retry_of: null,
    events: [],
    held_up_by: "",
    ...more,
  };
}

export function nodeRow(node: string, more: Partial<NodeRow> = {}): NodeRow {
  return {
    id: `${node}-${(more.path ?? []).join(".")}-${more.ordinal ?? 0}`,
    node,
    block: "text.split",
    path: [],
    ordinal: 0,
    attempt: 1,
    interrupted: 0,
    status: "completed",
    handled: false,
    reused: false,
    pinned: false,
    waiting: null,
    children: [],
    error: null,
    usage: {},
    cost: null,
    queued_at: "2026-11-23T10:00:00.100000Z",
    started_at: "2026-11-23T10:00:00.200000Z",
    ended_at: "2026-11-23T10:00:00.300000Z",
    seq: 1,
    ...more,
  };
}

interface Setup {
  spec?: GraphSpec;
  blocks?: BlockDescription[];
  ports?: Record<string, NodePorts>;
  problems?: Problem[];
  role?: Role;
  execution?: Execution | null;
  run?: Partial<State["run"]>;
  rows?: NodeRow[];
  ui?: Partial<State["ui"]>;
}

export function resetStore(setup: Setup = {}): void {
  const empty = emptyState();
  const blocks = setup.blocks ?? [split, join];
  clearLive();
  useStore.setState({
    ...empty,
    user: { id: 1, name: "alice" },
    graph: {
      ...empty.graph,
      id: 1,
      role: setup.role ?? "editor",
      spec: setup.spec ?? smallSpec,
      ports: setup.ports ?? {},
      problems: setup.problems ?? [],
    },
    catalogue: {
      blocks: Object.fromEntries(blocks.map((one) => [one.id, one])),
      categories: [...new Set(blocks.map((one) => one.category))],
      state: "ready",
    },
    run: { ...empty.run, execution: setup.execution ?? null, ...setup.run },
    ui: { ...empty.ui, ...setup.ui },
  });
  applyRows(setup.rows ?? []);
  // Edits are shown through the draft: it has to stand on the same graph.
  const { id, spec, revision } = useStore.getState().graph;
  startDraft({ graph: { id, spec, revision } } as Boot);
}
