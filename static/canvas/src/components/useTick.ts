/** The time, at most ten times a second, in step with the screen; one clock for everything that grows while a run goes on. */

import { useSyncExternalStore } from "react";

const STEP_MS = 100;

const listeners = new Set<() => void>();
let now = Date.now();
let frame = 0;

function beat(): void {
  frame = listeners.size > 0 ? requestAnimationFrame(beat) : 0;
  const time = Date.now();
  if (time - now < STEP_MS) return;
  now = time;
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  if (frame === 0) frame = requestAnimationFrame(beat);
  return () => {
    listeners.delete(listener);
  };
}

function stand(): () => void {
  return () => undefined;
}

/** Milliseconds since the epoch; stands still unless `running`. */
export function useTick(running: boolean): number {
  return useSyncExternalStore(running ? subscribe : stand, () => now);
}
