/** Calls to `/api/v1/`. Nothing throws: an answer is either data or problem details that say what to do. */

import type {
  CredentialRow,
  Approval,
  BlockDescription,
  Catalogue,
  Decision,
  EditAnswer,
  EditRecord,
  Execution,
  ExecutionDetail,
  GraphDetail,
  GraphRow,
  Json,
  JsonObject,
  NodePorts,
  NodeRow,
  NodeRowDetail,
  Operation,
  Page,
  Problem,
  ProblemDetails,
  VersionDetail,
} from "../model/types";

export type Answer<T> = { ok: true; data: T } | { ok: false; problem: ProblemDetails };

interface Place {
  api: string;
  csrfCookie: string;
}

const place: Place = { api: "/api/v1/", csrfCookie: "csrftoken" };

/** Tells where the API is; called once with the page's boot data. */
export function configure(api: string, csrfCookie: string): void {
  place.api = api;
  place.csrfCookie = csrfCookie;
}

export function cookie(name: string): string {
  const start = `${name}=`;
  const found = document.cookie.split("; ").find((part) => part.startsWith(start));
  return found ? decodeURIComponent(found.slice(start.length)) : "";
}

const NO_ANSWER: ProblemDetails = {
  type: "about:blank",
  title: "No answer",
  status: 0,
  detail: "The server cannot be reached. Check the connection; this page tries again by itself.",
  errors: [],
};

function words(status: number): string {
  if (status === 401) return "You are logged out. Log in again in another tab; nothing on this page is lost.";
  if (status === 403) return "You may look at this, but not change it. Ask its owner for the editor role.";
  if (status === 404) return "This is not here any more, or not shared with you.";
  if (status === 413) return "This is too large for the server.";
  if (status === 429) return "Too many calls at once. Wait a moment and try again.";
  if (status >= 500) return "The server could not do this. Try again; if it stays so, its log says why.";
  return "The server refused this.";
}

async function problemOf(response: Response): Promise<ProblemDetails> {
  const base: ProblemDetails = {
    type: "about:blank",
    title: response.statusText,
    status: response.status,
    detail: words(response.status),
    errors: [],
  };
  if (!(response.headers.get("content-type") ?? "").includes("json")) return base;
  try {
    const body = (await response.json()) as Partial<ProblemDetails>;
    return { ...base, ...body, status: response.status, detail: body.detail || base.detail, errors: body.errors ?? [] };
  } catch {
    return base;
  }
}

interface Call {
  body?: unknown;
  headers?: Record<string, string>;
  /** Lets the call outlive the page (a tab being closed). */
  keepalive?: boolean;
  /** Gives up after so many milliseconds, as if no answer came. */
  patience?: number;
}

export async function request<T>(method: string, path: string, call: Call = {}): Promise<Answer<T>> {
  const headers: Record<string, string> = { accept: "application/json", ...call.headers };
  const init: RequestInit = { method, headers, credentials: "same-origin", keepalive: call.keepalive ?? false };
  if (call.patience !== undefined) init.signal = AbortSignal.timeout(call.patience);
  if (method !== "GET") headers["x-csrftoken"] = cookie(place.csrfCookie);
  if (call.body !== undefined) {
    headers["content-type"] = "application/json";
    init.body = JSON.stringify(call.body);
  }
  try {
    const response = await fetch(place.api + path, init);
    if (!response.ok) return { ok: false, problem: await problemOf(response) };
    return { ok: true, data: (response.status === 204 ? null : await response.json()) as T };
  } catch {
    return { ok: false, problem: NO_ANSWER };
  }
}

/** A server that has not answered an edit by then is taken for one that is away. */
const EDIT_PATIENCE_MS = 30_000;

const get = <T>(path: string): Promise<Answer<T>> => request<T>("GET", path);
const post = <T>(path: string, body: unknown, headers: Record<string, string> = {}): Promise<Answer<T>> =>
  request<T>("POST", path, { body, headers });

export const api = {
  blocks: () => get<Catalogue>("blocks/"),
  block: (id: string) => get<BlockDescription>(`blocks/${id}/`),
  /** Ports of a block with this config, for blocks whose ports depend on it. */
  blockPorts: (id: string, config: JsonObject) => post<NodePorts>(`blocks/${id}/ports/`, { config }),
  graphs: (name: string) => get<Page<GraphRow>>(`graphs/?page_size=50&name=${encodeURIComponent(name)}`),
  credentials: (kinds: readonly string[]) =>
    get<Page<CredentialRow>>(`credentials/?usable=true&page_size=200&kind=${encodeURIComponent(kinds.join(","))}`),
  graph: (id: number) => get<GraphDetail>(`graphs/${id}/`),
  version: (id: number, number: number) => get<VersionDetail>(`graphs/${id}/versions/${number}/`),
  edit: (id: number, editId: string, operations: Operation[], keepalive = false) =>
    request<EditAnswer>("POST", `graphs/${id}/edits/`, {
      body: { edit_id: editId, operations },
      keepalive,
      // The same edit may be sent again: the server answers it once.
      patience: EDIT_PATIENCE_MS,
    }),
  /** Makes the draft the version that triggers and the API run. */
  publish: (id: number) => post<{ published_version: number }>(`graphs/${id}/publish/`, {}),
  unpublish: (id: number) => request<null>("DELETE", `graphs/${id}/publish/`),
  editsSince: (id: number, revision: number) => get<Page<EditRecord>>(`graphs/${id}/edits/?since=${revision}`),
  validate: (id: number) => post<{ problems: Problem[] }>(`graphs/${id}/validate/`, {}),
  execute: (id: number, inputs: JsonObject, key: string, options: { keep?: string; pins?: boolean } = {}) =>
    post<Execution>(`graphs/${id}/execute/`, { inputs, ...options }, { "idempotency-key": key }),
  retry: (id: string, body: JsonObject, key: string) =>
    post<Execution>(`executions/${id}/retry/`, body, { "idempotency-key": key }),
  executions: (graph: number) => get<Page<Execution>>(`executions/?graph=${graph}`),
  page: <T>(address: string) => get<Page<T>>(address),
  execution: (id: string) => get<ExecutionDetail>(`executions/${id}/`),
  nodeRows: (id: string, since: number, limit = 1000) =>
    get<{ seq: number; head: number; results: NodeRow[] }>(`executions/${id}/nodes/?since=${since}&limit=${limit}`),
  nodeRow: (id: string, rowId: string) => get<NodeRowDetail>(`executions/${id}/nodes/${rowId}/`),
  /** The same row with its outputs after one index. */
  nodeRowAfter: (id: string, rowId: string, index: number) =>
    get<NodeRowDetail>(`executions/${id}/nodes/${rowId}/?after=${index}`),
  /** One output, whole. */
  wholeOutput: (id: string, rowId: string, index: number) =>
    get<Json>(`executions/${id}/nodes/${rowId}/outputs/${index}/`),
  outputs: (id: string) => get<Record<string, Json>>(`executions/${id}/outputs/`),
  approval: (id: string) => get<Approval>(`approvals/${id}/`),
  decide: (id: string, body: { decision: Decision; payload?: Json; comment?: string }) =>
    post<Approval>(`approvals/${id}/decide/`, body),
  cancel: (id: string) => post<Execution>(`executions/${id}/cancel/`, {}),
  rerun: (id: string) => post<Execution>(`executions/${id}/rerun/`, {}),
};
