/** Keeps the draft of this page and the server's together: sends edits in order, takes others' edits in. */

import { api } from "./api/client";
import { keepUnsent, takeUnsent } from "./api/unsent";
import { EMPTY_SPEC } from "./model/graph";
import { addLocal, drop, receive, sealFirst, visible, type SyncState } from "./model/sync";
import type { EditRecord, GraphDetail, NodePorts, Operation, Problem, ProblemDetails } from "./model/types";
import type { SaveState, State } from "./state";

const COLLECT_MS = 300;
const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 20_000;
/** An answer that takes longer is not waited for in silence. */
const SILENT_MS = 4_000;

export interface Draft {
  start: (detail: GraphDetail) => void;
  edit: (operations: Operation[]) => void;
  /** Edits that the graph's socket tells, own ones among them. */
  receive: (edits: EditRecord[]) => void;
  /** Sends everything now; true when the server has it all. */
  flush: () => Promise<boolean>;
  stop: () => void;
}

interface Host {
  get: () => State;
  set: (change: (state: State) => Partial<State>) => void;
}

function refusal(problem: ProblemDetails): string {
  const first = problem.errors[0]?.detail;
  return `A change was not saved and is taken back: ${first ?? problem.detail}`;
}

/** Whether sending the same edit later can help: no answer, an overloaded or failing server, a lost login. */
function isTemporary(status: number): boolean {
  return status === 0 || status === 401 || status === 408 || status === 429 || status >= 500;
}

export function createDraft({ get, set }: Host): Draft {
  let sync: SyncState = { base: EMPTY_SPEC, revision: 0, pending: [] };
  let place = { user: 0, graph: 0, tab: "" };
  let timer = 0;
  let failures = 0;
  /** No answer for so long that it was said. */
  let silent = false;
  let sending: Promise<boolean> | null = null;

  const show = (change: { saveState?: SaveState; problems?: Problem[]; ports?: Record<string, NodePorts> }): void => {
    set((state) => ({
      graph: { ...state.graph, ...change, spec: visible(sync), revision: sync.revision },
    }));
  };

  const keep = (): void => keepUnsent(place, sync.pending);

  const catchUp = async (): Promise<void> => {
    const answer = await api.editsSince(place.graph, sync.revision);
    const next = answer.ok ? receive(sync, answer.data.results) : null;
    if (next) {
      sync = next;
    } else {
      const whole = await api.graph(place.graph);
      if (!whole.ok) return;
      sync = { base: whole.data.spec, revision: whole.data.revision, pending: sync.pending };
      show({ problems: whole.data.problems, ports: whole.data.ports });
    }
    keep();
    show({});
  };

  const take = (edits: Pick<EditRecord, "revision" | "edit_id" | "operations">[]): void => {
    const next = receive(sync, edits);
    if (!next) {
      void catchUp();
      return;
    }
    sync = next;
    keep();
    show({});
  };

  const sendOne = async (): Promise<"sent" | "later" | "empty"> => {
    const next = sealFirst(sync);
    if (!next) return "empty";
    sync = next.state;
    keep();
    const { edit_id, operations } = next.edit;
    const slow = window.setTimeout(() => {
      silent = true;
      show({ saveState: "offline" });
    }, SILENT_MS);
    const answer = await api.edit(place.graph, edit_id, operations);
    window.clearTimeout(slow);
    silent = false;
    if (answer.ok) {
      failures = 0;
      show({ saveState: "saving" });
      take([{ revision: answer.data.revision, edit_id, operations: answer.data.operations }]);
      show({ problems: answer.data.problems, ports: { ...get().graph.ports, ...answer.data.ports } });
      return "sent";
    }
    if (isTemporary(answer.problem.status)) {
      failures += 1;
      show({ saveState: answer.problem.status === 401 ? "loggedOut" : "offline" });
      return "later";
    }
    sync = drop(sync, edit_id);
    keep();
    show({});
    get().actions.toast({ tone: "error", text: refusal(answer.problem) });
    return "sent";
  };

  const sendAll = async (): Promise<boolean> => {
    let result = await sendOne();
    while (result === "sent") result = await sendOne();
    if (result === "empty") {
      show({ saveState: "saved" });
      return true;
    }
    schedule(Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (failures - 1)));
    return false;
  };

  const flush = (): Promise<boolean> => {
    window.clearTimeout(timer);
    sending ??= sendAll().finally(() => {
      sending = null;
      // Something was typed between the last answer and now.
      if (sync.pending.length > 0 && failures === 0) schedule(COLLECT_MS);
    });
    return sending;
  };

  const schedule = (milliseconds: number): void => {
    window.clearTimeout(timer);
    timer = window.setTimeout(() => void flush(), milliseconds);
  };

  const wake = (): void => {
    if (sync.pending.length > 0) void flush();
  };
  /** The page goes away: hand the rest over without waiting for an answer; it is in storage too. */
  const leave = (): void => {
    const next = sealFirst(sync);
    if (!next) return;
    sync = next.state;
    keep();
    void api.edit(place.graph, next.edit.edit_id, next.edit.operations, true);
  };

  const stop = (): void => {
    window.clearTimeout(timer);
    window.removeEventListener("online", wake);
    window.removeEventListener("focus", wake);
    window.removeEventListener("pagehide", leave);
  };

  return {
    start: (detail) => {
      stop();
      place = { user: get().user.id, graph: detail.id, tab: newId() };
      const pending = takeUnsent(place, newId);
      sync = { base: detail.spec, revision: detail.revision, pending };
      failures = 0;
      sending = null;
      show({ saveState: pending.length > 0 ? "saving" : "saved" });
      if (pending.length > 0) schedule(0);
      window.addEventListener("online", wake);
      window.addEventListener("focus", wake);
      window.addEventListener("pagehide", leave);
    },
    edit: (operations) => {
      sync = addLocal(sync, operations, newId());
      keep();
      show(failures === 0 && !silent ? { saveState: "saving" } : {});
      if (failures === 0 && sending === null) schedule(COLLECT_MS);
    },
    receive: take,
    flush,
    stop,
  };
}

/** A random id; `crypto.randomUUID` exists only on secure origins, and a plain address in a local network is none. */
export function newId(): string {
  if (typeof crypto.randomUUID === "function") return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}
