/** Moving the view: to everything, to one node, by steps. */

import { useReactFlow, useStore as useFlowStore, useStoreApi } from "@xyflow/react";
import { useCallback, useEffect, useMemo, useRef } from "react";
import { useShallow } from "zustand/react/shallow";

import { nodeBoxes, noteBoxes } from "../boxes";
import { around, NODE_WIDTH, type Box } from "../model/shape";
import { centred, fitted, revealed, sameView, type Room, type View } from "../model/view";
import { useStore } from "../store";
import { portsOf, shownSpec } from "../state";

/** Below this zoom, words on nodes are no longer read. */
const READABLE = 0.5;
const MOVE_MS = 220;

/** Boxes of all shown nodes, made again when something that they are made of changes. */
export function useNodeBoxes(): ReadonlyMap<string, Box> {
  const [spec, ports, expanded, blocks] = useStore(
    useShallow((state) => [
      shownSpec(state),
      state.graph.view?.ports ?? state.graph.ports,
      state.ui.expanded,
      state.catalogue.blocks,
    ]),
  );
  return useMemo(
    () => nodeBoxes(useStore.getState()),
    // The boxes are made of exactly these parts of the state.
    // eslint-disable-next-line react-hooks/exhaustive-deps
    [spec, ports, expanded, blocks],
  );
}

function calmly(): number {
  return window.matchMedia("(prefers-reduced-motion: reduce)").matches ? 0 : MOVE_MS;
}

interface FitOptions {
  /** Without moving there: the first view of a page. */
  first?: boolean;
}

/** The view that shows everything; null when there is nothing or no room. */
function wholeView({ width, height }: Room, first: boolean): View | null {
  const state = useStore.getState();
  const box = around([...nodeBoxes(state).values(), ...noteBoxes(state)]);
  return box && width > 0 ? fitted(box, { width, height }, first ? READABLE : 0.05) : null;
}

/** Shows everything. The first view of a large graph stays readable instead: it begins at the graph's left. */
export function useFit(): (options?: FitOptions) => void {
  const flow = useReactFlow();
  const store = useStoreApi();
  return useCallback(
    ({ first = false } = {}) => {
      const view = wholeView(store.getState(), first);
      if (view) void flow.setViewport(view, { duration: first ? 0 : calmly() });
    },
    [flow, store],
  );
}

/** Fits once, as soon as the canvas has a size and the ports are known; again when another version is shown. */
export function useInitialFit(): void {
  const fit = useFit();
  const store = useStoreApi();
  const done = useRef<number | null>(null);
  const ready = useStore((state) => state.catalogue.state !== "loading");
  const version = useStore((state) => state.graph.view?.number ?? 0);

  useEffect(() => {
    if (!ready || done.current === version) return;
    const attempt = (): boolean => {
      if (store.getState().width === 0) return false;
      done.current = version;
      fit({ first: true });
      return true;
    };
    if (attempt()) return;
    const stop = store.subscribe(() => {
      if (attempt()) stop();
    });
    return stop;
  }, [fit, ready, store, version]);
}

/**
 * When the canvas gets smaller or larger (the run drawer opens, the inspector closes): what showed everything goes on
 * showing everything; else the middle stays in the middle.
 */
export function useKeepView(): void {
  const flow = useReactFlow();
  const store = useStoreApi();
  useEffect(() => {
    let { width, height } = store.getState();
    return store.subscribe((state) => {
      const before = { width, height };
      const [wider, higher] = [state.width - width, state.height - height];
      if (wider === 0 && higher === 0) return;
      ({ width, height } = state);
      if (before.width === 0 || width === 0) return;
      const [x, y, zoom] = state.transform;
      const wasWhole = [true, false].some((first) => {
        const whole = wholeView(before, first);
        return whole !== null && sameView(whole, { x, y, zoom });
      });
      const whole = wasWhole ? wholeView(state, true) : null;
      void flow.setViewport(whole ?? { x: x + wider / 2, y: y + higher / 2, zoom });
    });
  }, [flow, store]);
}

/** The scale at which a toolbar inside the drawing keeps its size on the screen. */
export function useToolScale(): number {
  return useFlowStore((state) => Math.min(2, Math.max(0.6, 1 / state.transform[2])));
}

/** Brings nodes that were just added into view, as little as needed; from far away it comes nearer. */
export function useRevealAdded(): void {
  const flow = useReactFlow();
  const store = useStoreApi();
  const added = useStore((state) => state.ui.added);
  useEffect(() => {
    const boxes = nodeBoxes(useStore.getState());
    const box = around(added.flatMap((key) => boxes.get(key) ?? []));
    const room = store.getState();
    if (!box || room.width === 0) return;
    const [x, y, zoom] = room.transform;
    const now = { x, y, zoom };
    const view = zoom < READABLE ? centred(box, room, READABLE) : revealed(now, box, room);
    if (!sameView(view, now)) void flow.setViewport(view, { duration: calmly() });
  }, [added, flow, store]);
}

/** Where a node that is added without a place goes: right of the selected one, else the middle of the view. */
export function usePlace(): () => [number, number] {
  const store = useStoreApi();
  return useCallback(() => {
    const state = useStore.getState();
    const last = state.ui.selection.nodes.at(-1);
    const box = last === undefined ? undefined : nodeBoxes(state).get(last);
    if (box && portsOf(state, last ?? "")) return [box.x + box.width + 80, box.y];
    const { width, height, transform } = store.getState();
    const [x, y, zoom] = transform;
    const snap = (value: number): number => Math.round(value / 10) * 10;
    return [snap((width / 2 - x) / zoom - NODE_WIDTH / 2), snap((height / 2 - y) / zoom - 50)];
  }, [store]);
}
