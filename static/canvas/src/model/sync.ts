/**
 * The draft between this page and the server.
 *
 * `base` is the graph at the server's revision; `pending` are this page's edits that are not in it yet. What people see
 * is `base` with `pending` applied, so edits of others slide in underneath without touching what one is typing.
 */

import { apply, compact } from "./operations";
import type { EditRecord, GraphSpec, Operation } from "./types";

export interface PendingEdit {
  edit_id: string;
  operations: Operation[];
  /** Sent at least once: its operations must not change any more, since the server may have them. */
  sealed: boolean;
}

export interface SyncState {
  base: GraphSpec;
  revision: number;
  pending: PendingEdit[];
}

export function visible(state: SyncState): GraphSpec {
  return state.pending.reduce((spec, edit) => apply(spec, edit.operations), state.base);
}

/** Adds local operations to the edit that is still being collected, or starts one named `editId`. */
export function addLocal(state: SyncState, operations: readonly Operation[], editId: string): SyncState {
  const last = state.pending.at(-1);
  if (last && !last.sealed) {
    const joined = { ...last, operations: compact([...last.operations, ...operations]) };
    return { ...state, pending: [...state.pending.slice(0, -1), joined] };
  }
  return { ...state, pending: [...state.pending, { edit_id: editId, operations: [...operations], sealed: false }] };
}

/** The first pending edit, sealed so that it can be sent; undefined when all is sent. */
export function sealFirst(state: SyncState): { state: SyncState; edit: PendingEdit } | undefined {
  const first = state.pending[0];
  if (!first) return undefined;
  const edit = { ...first, sealed: true };
  return { state: { ...state, pending: [edit, ...state.pending.slice(1)] }, edit };
}

/** Drops an edit that the server refused. */
export function drop(state: SyncState, editId: string): SyncState {
  return { ...state, pending: state.pending.filter((edit) => edit.edit_id !== editId) };
}

/**
 * Takes edits from the server in: those this page knows already are skipped, its own leave `pending`.
 * Null when one is missing between (the caller fetches everything since `state.revision`).
 */
export function receive(
  state: SyncState,
  edits: readonly Pick<EditRecord, "revision" | "edit_id" | "operations">[],
): SyncState | null {
  let { base, revision, pending } = state;
  for (const edit of edits.toSorted((a, b) => a.revision - b.revision)) {
    // An answer to a repeated edit may carry an old revision: it is in the base already.
    pending = pending.some((one) => one.edit_id === edit.edit_id)
      ? pending.filter((one) => one.edit_id !== edit.edit_id)
      : pending;
    if (edit.revision <= revision) continue;
    if (edit.revision > revision + 1) return null;
    base = apply(base, edit.operations);
    revision = edit.revision;
  }
  return { base, revision, pending };
}
