/** Undo steps: what was done and how to take it back, with quick repeats of one gesture joined. */

import type { Operation } from "./types";

export interface UndoEntry {
  forward: Operation[];
  /** Takes `forward` back, in the order to apply. */
  backward: Operation[];
  group: string;
  at: number;
}

const JOIN_WITHIN_MS = 1_000;
const MOST = 200;

/** The stack with one more step; a step of the same group shortly after the last one joins it. */
export function push(stack: readonly UndoEntry[], entry: UndoEntry): UndoEntry[] {
  const last = stack.at(-1);
  if (last && entry.group !== "" && last.group === entry.group && entry.at - last.at < JOIN_WITHIN_MS) {
    const joined: UndoEntry = {
      forward: [...last.forward, ...entry.forward],
      backward: [...entry.backward, ...last.backward],
      group: entry.group,
      at: entry.at,
    };
    return [...stack.slice(0, -1), joined];
  }
  return [...stack, entry].slice(-MOST);
}
