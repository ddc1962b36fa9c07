/** The JSON that server and canvas exchange, exactly as it travels. */

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
export type JsonObject = Record<string, Json>;

/** A JSON Schema; only the keywords that the canvas reads are named. */
export interface Schema {
  type?: string | string[];
  title?: string;
  description?: string;
  default?: Json;
  enum?: Json[];
  const?: Json;
  format?: string;
  /** Of credentials that are taken. */
  kinds?: string[];
  $ref?: string;
  $defs?: Record<string, Schema>;
  properties?: Record<string, Schema>;
  required?: string[];
  additionalProperties?: boolean | Schema;
  propertyNames?: Schema;
  items?: Schema;
  prefixItems?: Schema[];
  anyOf?: Schema[];
  oneOf?: Schema[];
  allOf?: Schema[];
  minimum?: number;
  maximum?: number;
  exclusiveMinimum?: number;
  exclusiveMaximum?: number;
  multipleOf?: number;
  minLength?: number;
  maxLength?: number;
  minItems?: number;
  maxItems?: number;
  pattern?: string;
  examples?: Json[];
  "x-widget"?: string;
  "x-placeholder"?: string;
  /** Name of the property that names the type of this one. */
  "x-type"?: string;
}

/** A credential without its secrets, as a picker needs it. */
export interface CredentialRow {
  id: string;
  name: string;
  kind: string;
  owner: Person;
  problem: string;
}

export type PortKind = "value" | "stream" | "collect" | "gather";

export interface Port {
  name: string;
  title: string;
  description: string;
  kind: PortKind;
  schema: Schema;
  required: boolean;
  default: Json;
}

export interface NodePorts {
  inputs: Port[];
  outputs: Port[];
}

export interface BlockExample {
  title: string;
  input: JsonObject;
  output: JsonObject;
}

export interface BlockDescription extends NodePorts {
  id: string;
  version: number;
  title: string;
  category: string;
  icon: string;
  description: string;
  effect: "pure" | "idempotent" | "once";
  runs_in: "async" | "thread" | "process";
  config_schema: Schema;
  dynamic_outputs: boolean;
  dynamic_inputs: boolean;
  examples: BlockExample[];
  disabled_reason: string;
}

export interface Catalogue {
  results: BlockDescription[];
  categories: string[];
}

export type Join = "match" | "zip" | "cross";

/** Absent members have their defaults: no retries, no limits, stop. */
export interface Policy {
  retries?: number;
  timeout_seconds?: number;
  on_error?: "stop" | "continue";
  concurrency?: number;
}

export interface NodeSpec {
  key: string;
  block: string;
  block_version?: number;
  config: JsonObject;
  title?: string;
  policy?: Policy;
  join?: Join;
  /** What the node gives instead of running: values by port, items of a stream as a list. */
  pinned?: JsonObject | null;
}

export interface LinkSpec {
  source: string;
  source_port: string;
  sink: string;
  sink_port: string;
}

export type At = [x: number, y: number];

export interface Annotation {
  kind: "note";
  text: string;
  at: [x: number, y: number, width: number, height: number];
}

export interface GraphSpec {
  name: string;
  description: string;
  nodes: NodeSpec[];
  links: LinkSpec[];
  layout: Record<string, At>;
  annotations: Annotation[];
  limits: JsonObject;
}

export type GraphField = "name" | "description" | "limits" | "annotations";

export type Operation =
  | { op: "add_node"; node: NodeSpec; at: At }
  | { op: "remove_node"; key: string }
  | { op: "set_config"; key: string; name: string; value: Json }
  | { op: "unset_config"; key: string; name: string }
  | { op: "set_title"; key: string; title: string }
  | { op: "set_policy"; key: string; name: keyof Policy; value: Json }
  | { op: "set_join"; key: string; join: Join }
  | { op: "set_pinned"; key: string; pinned: JsonObject | null }
  | { op: "move"; key: string; at: At }
  | { op: "add_link"; link: LinkSpec }
  | { op: "remove_link"; link: LinkSpec }
  | { op: "set_graph"; name: GraphField; value: Json };

/** Something wrong with the graph; `pointer` points into the canonical JSON. */
export interface Problem {
  code: string;
  pointer: string;
  detail: string;
  node: string;
  link: number | null;
  severity: "error" | "warning";
}

export interface Person {
  id: number;
  name: string;
}

export type Role = "viewer" | "runner" | "editor" | "owner";

export type ExecutionStatus = "queued" | "running" | "waiting" | "completed" | "failed" | "cancelled";
export type NodeStatus = ExecutionStatus | "skipped";

export interface Counts {
  total: number;
  completed: number;
  failed: number;
  handled: number;
  skipped: number;
  cancelled: number;
  running: number;
  waiting: number;
  queued: number;
}

/** RFC 9457 shape for a failed start, a failed node or a failed execution. */
export interface Failure {
  message?: string;
  detail?: string;
  kind?: string;
  block?: string;
  node?: string;
  attempt?: number;
  errors?: { pointer: string; detail: string }[];
}

export interface Execution {
  id: string;
  graph: { id: number; name: string };
  version: number;
  status: ExecutionStatus;
  reason: string | null;
  error: Failure | null;
  counts: Partial<Counts>;
  /** US dollars of its own nodes, as decimal text. */
  cost: string | null;
  trigger: string;
  /** Of the schedule, webhook, form or chain that started it. */
  trigger_id?: number | null;
  owner: Person | null;
  created_at: string;
  started_at: string | null;
  ended_at: string | null;
  seq: number;
  cancel_requested: boolean;
  /** The execution that started this one. */
  parent: string | null;
  /** The execution whose results this one took over. */
  retry_of: string | null;
}

/** Something that happened to a run as a whole, such as a lost worker. */
export interface RunNote {
  at: string;
  kind: string;
  text: string;
  /** Of a lost worker: its last sign of life; it was noticed at `at`. */
  since?: string;
}

/** Why a run that should go on does not. */
export type HeldUp = "no_worker" | "worker_silent" | "worker_lost" | "handed_over" | "no_nodes_worker";

/** A run for those who watch it. */
export interface WatchedExecution extends Execution {
  /** The newest ones, oldest first. */
  events: RunNote[];
  held_up_by: HeldUp | "";
}

export interface ExecutionDetail extends WatchedExecution {
  inputs: JsonObject;
  outputs: JsonObject;
  /** Of the runs that it started, and those that they started. */
  cost_below: string | null;
}

/** What a waiting run waits for. */
export interface Waiting {
  for: "timer" | "retry" | "approval" | "outcome" | "graph";
  until?: string;
  approval?: string;
  child?: string;
}

/** One run of one node: a node in a loop has many. */
/** What a run has used, as far as its block says. */
export interface Usage {
  input_tokens?: number;
  output_tokens?: number;
  tokens?: number;
  items?: number;
  bytes?: number;
  usd?: number;
  /** Of work, where it is paid for. */
  seconds?: number;
  model?: string;
  provider?: string;
  /** Of the graphs that it ran. */
  node_executions?: number;
}

/** Text that a running node gives, as far as it is there. */
export interface StreamedText {
  port: string;
  text: string;
  /** Only its newest part is here. */
  cut: boolean;
}

export interface NodeRow {
  id: string;
  node: string;
  block: string;
  path: number[];
  ordinal: number;
  attempt: number;
  /** Attempts that ended because their worker was lost or stopped. */
  interrupted: number;
  status: NodeStatus;
  handled: boolean;
  reused: boolean;
  /** Gave its pinned data instead of running. */
  pinned: boolean;
  waiting: Waiting | null;
  /** Executions of other graphs that it started. */
  children: string[];
  error: Failure | null;
  usage: Usage;
  /** US dollars, as decimal text. */
  cost: string | null;
  queued_at: string | null;
  started_at: string | null;
  ended_at: string | null;
  seq: number;
}

export interface NodeOutput {
  index: number;
  port: string;
  value: Json;
  /** Bytes of the whole value's JSON. */
  size?: number;
  truncated?: boolean;
  /** Where the whole of a cut value is. */
  url?: string;
}

export interface LogLine {
  at: string | null;
  level: string;
  message: string;
}

export interface NodeRowDetail extends NodeRow {
  inputs: Record<string, Json>;
  /** Bytes of the inputs of which only the beginning is here. */
  cut_inputs?: Record<string, number>;
  /** Why the inputs are not here. */
  input_error?: string;
  /** More values follow the last one here. */
  more_outputs?: boolean;
  outputs: NodeOutput[];
  log: LogLine[];
}

export type Decision = "approved" | "rejected" | "repeat" | "happened" | "fail";

/** A question to a person: may this go on, or what became of a step that must happen once. */
export interface Approval {
  id: string;
  kind: "approval" | "outcome";
  state: "open" | "decided" | "closed";
  execution: string;
  node: string;
  node_title: string;
  path: number[];
  instructions: string;
  payload: Json;
  created_at: string;
  /** Empty until somebody decides. */
  decision: string;
  answer: Json;
  comment: string;
  decided_by: Person | null;
  decided_at: string | null;
}

export interface GraphRow {
  id: number;
  name: string;
  description: string;
  revision: number;
  updated_at: string;
  created_at: string;
  owner: Person;
  role: Role;
  published_version: number | null;
}

export interface GraphDetail extends GraphRow {
  spec: GraphSpec;
  problems: Problem[];
  ports: Record<string, NodePorts>;
  latest_version: number | null;
}

export interface VersionDetail {
  number: number;
  spec: GraphSpec;
  ports: Record<string, NodePorts>;
  created_at: string;
  author: Person | null;
}

export interface EditAnswer {
  revision: number;
  operations: Operation[];
  problems: Problem[];
  ports: Record<string, NodePorts>;
}

export interface EditRecord {
  revision: number;
  edit_id: string;
  author: Person | null;
  operations: Operation[];
  created_at: string;
}

export interface Page<T> {
  next: string | null;
  previous: string | null;
  results: T[];
}

/** RFC 9457 problem details; status 0 means that no answer came. */
export interface ProblemDetails {
  type: string;
  title: string;
  status: number;
  detail: string;
  /** `code` and `node` where a program can do something about it. */
  errors: { pointer: string; detail: string; code?: string; node?: string }[];
}

/** What the page was served with (`json_script` id `boot`). */
export interface Boot {
  graph: GraphDetail;
  execution: string | null;
  version: number | null;
  user: Person;
  csrf_cookie: string;
  urls: { api: string; ws: string; home: string; graphs: string; login: string; static: string };
}

/** Frames of `/ws/executions/<id>/`. */
export type ExecutionFrame =
  { type: "snapshot" | "frame"; seq: number; head: number; execution: WatchedExecution; nodes: NodeRow[] } | Transient;

/** News of a running node that nobody keeps; each says all that there is to see. */
export interface Transient {
  type: "transient";
  node: string;
  path: number[];
  progress: number | null;
  text: string;
  stream?: StreamedText;
}

/** Messages of `/ws/graphs/<id>/`. */
export type GraphMessage =
  { type: "edits"; revision: number; edits: EditRecord[] } | { type: "executions"; executions: Execution[] };
