/** The shape of the store: what is drawn, what runs, what the screen shows, and the verbs that change them. */

import type { Repeat, RetryChoice } from "./model/rerun";
import type { UndoEntry } from "./model/undo";
import type {
  Annotation,
  At,
  BlockDescription,
  Execution,
  ExecutionDetail,
  GraphField,
  GraphSpec,
  HeldUp,
  Join,
  Json,
  JsonObject,
  LinkSpec,
  NodePorts,
  NodeRow,
  NodeSpec,
  Operation,
  Person,
  Policy,
  Problem,
  ProblemDetails,
  Role,
  RunNote,
} from "./model/types";

export type SaveState = "saved" | "saving" | "offline" | "loggedOut";
export type Connection = "idle" | "connecting" | "live" | "offline";
export type Theme = "light" | "dark";
export type Screen = "editor" | "runs";
export type InspectorTab = "config" | "input" | "output" | "log";
export type DrawerTab = "timeline" | "data" | "events";

/** A version that ran, shown instead of the draft and not editable. */
export interface VersionView {
  number: number;
  spec: GraphSpec;
  ports: Record<string, NodePorts>;
}

export interface GraphSlice {
  id: number;
  role: Role;
  /** The draft with every local edit in it, sent or not. */
  spec: GraphSpec;
  /** Last server revision that is in `spec`. */
  revision: number;
  latestVersion: number | null;
  /** What triggers and the API run; its graph is fetched when somebody compares. */
  published: { number: number; spec: GraphSpec | null } | null;
  ports: Record<string, NodePorts>;
  problems: Problem[];
  /** Set while an earlier version is shown; `shown` gives what to draw. */
  view: VersionView | null;
  saveState: SaveState;
  undo: UndoEntry[];
  redo: UndoEntry[];
}

export interface CatalogueSlice {
  blocks: Record<string, BlockDescription>;
  categories: string[];
  state: "loading" | "ready" | "failed";
}

export interface RunSlice {
  /** The run whose status is shown, on the draft or on its version. Its node rows are in `live.ts`. */
  execution: Execution | null;
  /** What happened to it as a whole, and what holds it up. */
  events: readonly RunNote[];
  heldUpBy: HeldUp | "";
  /** Inputs and outputs, fetched when the run is opened and again when it has ended. */
  detail: ExecutionDetail | null;
  seq: number;
  connection: Connection;
  /** Latest runs of this graph, newest first. */
  recent: Execution[];
  starting: boolean;
  /** The graph that the shown run ran, once somebody asked whether the draft differs. */
  ran: { execution: string; spec: GraphSpec } | null;
  cancelling: boolean;
}

export interface Toast {
  id: number;
  tone: "info" | "error";
  text: string;
  /** A link or button that mends it. */
  action?: { label: string; run: () => void };
}

/** A small search that is open over the canvas. */
export type Finder =
  /** Choose a block to add; with `from`, it is linked to the port that a link was pulled out of. */
  | { kind: "add"; at: At; screen: At; from?: LoosePort }
  /** Link a node by keyboard. */
  | { kind: "connect"; key: string }
  /** Name the member of a list or dict input that a link goes into. */
  | { kind: "member"; link: LinkSpec; screen: At };

/** An end of a link that is being drawn. */
export interface LoosePort {
  key: string;
  port: string;
  side: "source" | "sink";
}

export interface UiSlice {
  theme: Theme;
  screen: Screen;
  /** Keys of the selected nodes, ids (`linkId`) of the selected links, indices of the selected notes. */
  selection: { nodes: string[]; links: string[]; notes: number[] };
  inspectorTab: InspectorTab;
  inspectorOpen: boolean;
  /** Row that Input, Output and Log show; null: the latest of the node. */
  rowId: string | null;
  drawerOpen: boolean;
  drawerTab: DrawerTab;
  runDialogOpen: boolean;
  runKeeps: boolean;
  /** Node whose inputs are asked for to run it alone. */
  nodeRun: string | null;
  /** The menu of a node, where it was asked for. */
  nodeMenu: { key: string; at: At } | null;
  /** A retry that waits for somebody to say that steps may happen again. */
  repeat: { choice: RetryChoice; steps: Repeat[] } | null;
  /** Problems of a refused start, shown in the run dialog. */
  startProblem: ProblemDetails | null;
  /** Nodes that show every port: settings and the error port too. */
  expanded: string[];
  finder: Finder | null;
  /** Keys of the nodes that were added last: the canvas brings them into view. */
  added: readonly string[];
  toasts: Toast[];
}

/** How a run is started, beside its inputs. */
export interface StartOptions {
  /** The run whose results are taken over where nothing has changed. */
  keep?: string;
  /** Whether pinned nodes give their data instead of running; left out: they do. */
  pins?: boolean;
}

export interface Actions {
  /**
   * Changes the draft: shown at once, sent by itself, undone as one step.
   * Edits with the same `group` within a second are one undo step (typing, dragging).
   */
  edit: (operations: Operation[], group?: string) => void;
  undo: () => void;
  redo: () => void;
  setConfig: (key: string, name: string, value: Json) => void;
  unsetConfig: (key: string, name: string) => void;
  setTitle: (key: string, title: string) => void;
  setPolicy: <N extends keyof Policy>(key: string, name: N, value: NonNullable<Policy[N]>) => void;
  setJoin: (key: string, join: Join) => void;
  /** What a node gives instead of running; null: it runs. */
  setPinned: (key: string, pinned: JsonObject | null, group?: string) => void;
  /** Pins what a run of a node gave, whole also where the page shows only its beginning. */
  pinRow: (row: NodeRow) => Promise<void>;
  setGraph: (name: GraphField, value: Json) => void;
  setAnnotations: (annotations: Annotation[], group?: string) => void;
  /** Adds a node of a block, with a link made for its key in the same step, and selects it; answers its key. */
  addNode: (block: string, at: At, link?: (key: string) => LinkSpec) => string;
  addLink: (link: LinkSpec) => void;
  removeLink: (link: LinkSpec) => void;
  replaceLink: (before: LinkSpec, after: LinkSpec) => void;
  moveNodes: (positions: Record<string, At>, group?: string) => void;
  removeSelected: () => void;
  duplicateSelected: () => void;
  copySelected: () => string | null;
  paste: (text: string, at?: At) => boolean;
  autoLayout: () => void;

  select: (selection: Partial<UiSlice["selection"]>) => void;
  selectNode: (key: string | null, rowId?: string | null) => void;
  setTheme: (theme: Theme) => void;
  setScreen: (screen: Screen) => void;
  setInspectorTab: (tab: InspectorTab) => void;
  setInspectorOpen: (open: boolean) => void;
  setDrawerOpen: (open: boolean) => void;
  setDrawerTab: (tab: DrawerTab) => void;
  /** `keep`: with the switch on that takes over unchanged results. */
  setRunDialogOpen: (open: boolean, keep?: boolean) => void;
  toggleExpanded: (key: string) => void;
  setFinder: (finder: Finder | null) => void;
  setNodeRun: (key: string | null) => void;
  setNodeMenu: (menu: UiSlice["nodeMenu"]) => void;
  closeRepeat: () => void;
  toast: (toast: Omit<Toast, "id">) => void;
  dismissToast: (id: number) => void;

  /** Fetches the published graph, to tell whether the draft differs. */
  loadPublished: () => Promise<void>;
  /** Publishes the draft; null, or why it was refused. */
  publish: () => Promise<ProblemDetails | null>;
  unpublish: () => Promise<ProblemDetails | null>;
  loadCatalogue: () => Promise<void>;
  /** Runs the draft; asks for inputs first when the graph has any. */
  run: () => void;
  /** Starts the draft with these inputs; false when it was refused (`ui.startProblem` says why). */
  startRun: (inputs: JsonObject, options?: StartOptions) => Promise<boolean>;
  cancelRun: () => Promise<void>;
  rerun: () => Promise<void>;
  /** Runs again from the shown run; null, or why it was refused. May ask first (`ui.repeat`). */
  retry: (choice: RetryChoice, repeatOnce?: boolean) => Promise<ProblemDetails | null>;
  /** Fetches the graph that the shown run ran, to tell whether the draft differs. */
  loadRan: () => Promise<void>;
  /** Shows a run: live on the draft when it runs the newest version, else on the version that ran. */
  openRun: (id: string, options?: { overDraft?: boolean }) => Promise<void>;
  /** Back to the draft without any run's status. */
  closeRun: () => void;
  refreshRuns: () => Promise<void>;
}

export interface State {
  user: Person;
  /** Address of the overview; the other pages lie below it. */
  home: string;
  /** A page of one run: nothing can be edited here. */
  runPage: boolean;
  graph: GraphSlice;
  catalogue: CatalogueSlice;
  run: RunSlice;
  ui: UiSlice;
  actions: Actions;
}

/** What is drawn: the draft, or the version that ran. */
export function shownSpec(state: State): GraphSpec {
  return state.graph.view?.spec ?? state.graph.spec;
}

export function isReadOnly(state: State): boolean {
  return state.runPage || state.graph.view !== null || state.graph.role === "viewer" || state.graph.role === "runner";
}

export function mayRun(state: State): boolean {
  return state.graph.role !== "viewer";
}

export function blockOf(state: State, node: NodeSpec | undefined): BlockDescription | undefined {
  return node ? state.catalogue.blocks[node.block] : undefined;
}

/** Ports of a shown node: as the server resolved them, else as the catalogue describes the block. */
export function portsOf(state: State, key: string): NodePorts | undefined {
  const view = state.graph.view;
  const known = view ? view.ports[key] : state.graph.ports[key];
  if (known) return known;
  const node = shownSpec(state).nodes.find((one) => one.key === key);
  return blockOf(state, node);
}

/** The one selected node's key, when exactly one thing is selected. */
export function selectedKey(state: State): string | null {
  const { nodes, links, notes } = state.ui.selection;
  return nodes.length === 1 && links.length === 0 && notes.length === 0 ? (nodes[0] ?? null) : null;
}
