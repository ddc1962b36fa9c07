/**
 * Edits that the server has not confirmed, kept in the browser's storage: a closed tab or a lost network loses nothing.
 *
 * Every tab writes its own entry; a page that opens takes over what any tab of the same person left. A tab that is
 * still alive may send the same edits too: they carry the same ids, and the server answers those once.
 */

import type { PendingEdit } from "../model/sync";

interface Place {
  user: number;
  graph: number;
  tab: string;
}

function prefix(place: Place): string {
  return `agentflow.unsent.${place.user}.${place.graph}.`;
}

function storage(): Storage | null {
  try {
    return window.localStorage;
  } catch {
    return null;
  }
}

/** Remembers the pending edits of this tab; none removes its entry. */
export function keepUnsent(place: Place, pending: readonly PendingEdit[]): void {
  const name = prefix(place) + place.tab;
  try {
    if (pending.length === 0) storage()?.removeItem(name);
    else storage()?.setItem(name, JSON.stringify(pending));
  } catch {
    // A full or forbidden storage: the edits are still in memory and are being sent.
  }
}

function isPending(value: unknown): value is PendingEdit {
  if (typeof value !== "object" || value === null) return false;
  const edit = value as Partial<PendingEdit>;
  return typeof edit.edit_id === "string" && Array.isArray(edit.operations) && typeof edit.sealed === "boolean";
}

function read(text: string | null | undefined): PendingEdit[] {
  try {
    const value: unknown = JSON.parse(text ?? "[]");
    return Array.isArray(value) ? value.filter(isPending) : [];
  } catch {
    return [];
  }
}

/** Edits that earlier tabs left, oldest entry first; their entries are removed once this tab keeps them itself. */
export function takeUnsent(place: Place, newId: () => string): PendingEdit[] {
  const store = storage();
  if (!store) return [];
  const names = Object.keys(store).filter((name) => name.startsWith(prefix(place)) && !name.endsWith(place.tab));
  const taken = names.flatMap((name) => read(store.getItem(name)));
  // An edit that was still being collected may grow in its own tab: under a new id the two cannot be mixed up.
  const edits = taken.map((edit) => (edit.sealed ? edit : { ...edit, edit_id: newId(), sealed: true }));
  keepUnsent(place, edits);
  for (const name of names) store.removeItem(name);
  return edits;
}
