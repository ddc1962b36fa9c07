/** A large graph from far away: boxes in status colours and lines, in one 2D canvas instead of a thousand elements. */

import { useStoreApi } from "@xyflow/react";
import { useEffect, useRef } from "react";

import { coloursOf, onceAFrame, pixelRatio } from "../canvas2d";
import { nodeSummary, subscribeLive } from "../live";
import { statusColour } from "../model/run";
import type { Box } from "../model/shape";
import type { LinkSpec, Problem } from "../model/types";
import { useStore } from "../store";
import { shownSpec } from "../state";
import { useNodeBoxes } from "./useViewport";
import styles from "./Overview.module.css";

const NONE: readonly Problem[] = [];

export function Overview() {
  const canvas = useRef<HTMLCanvasElement>(null);
  const store = useStoreApi();
  const boxes = useNodeBoxes();
  const links = useStore((state) => shownSpec(state).links);
  const selected = useStore((state) => state.ui.selection.nodes);
  const problems = useStore((state) => (state.graph.view ? NONE : state.graph.problems));
  const theme = useStore((state) => state.ui.theme);

  useEffect(() => {
    const broken = new Set(problems.map((problem) => problem.node));
    const { soon, stop } = onceAFrame(() => {
      const context = canvas.current?.getContext("2d");
      if (context) paint(context, { boxes, links, selected: new Set(selected), broken }, store.getState());
    });
    soon();
    const stops = [store.subscribe(soon), subscribeLive(soon), stop];
    return () => stops.forEach((one) => one());
  }, [boxes, links, selected, problems, store, theme]);

  return <canvas ref={canvas} className={styles.overview} aria-hidden="true" />;
}

interface Drawing {
  boxes: ReadonlyMap<string, Box>;
  links: readonly LinkSpec[];
  selected: ReadonlySet<string>;
  broken: ReadonlySet<string>;
}

interface View {
  width: number;
  height: number;
  transform: [number, number, number];
}

function paint(context: CanvasRenderingContext2D, drawing: Drawing, view: View): void {
  const { boxes, links, selected, broken } = drawing;
  const { canvas } = context;
  const ratio = pixelRatio();
  const [width, height] = [Math.round(view.width * ratio), Math.round(view.height * ratio)];
  if (canvas.width !== width || canvas.height !== height) {
    canvas.width = width;
    canvas.height = height;
  }
  const [x, y, zoom] = view.transform;
  const colour = coloursOf(canvas);
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.clearRect(0, 0, width, height);
  context.setTransform(ratio * zoom, 0, 0, ratio * zoom, x * ratio, y * ratio);
  const seen = { x: -x / zoom, y: -y / zoom, width: view.width / zoom, height: view.height / zoom };
  paintLinks(context, boxes, links, seen, colour("var(--idle)"), zoom);
  for (const [key, box] of boxes) {
    if (!meets(box, seen)) continue;
    const summary = nodeSummary(key);
    const status = summary && colour(statusColour(summary.status, summary.handled));
    context.beginPath();
    context.roundRect(box.x, box.y, box.width, box.height, 12);
    context.fillStyle = status ?? colour("var(--raised)");
    context.globalAlpha = status === undefined ? 1 : 0.75;
    context.fill();
    context.globalAlpha = 1;
    const isSelected = selected.has(key);
    context.lineWidth = (isSelected ? 2.5 : 1) / zoom;
    const quiet = broken.has(key) ? "var(--err)" : "var(--line2)";
    context.strokeStyle = isSelected ? colour("var(--sel)") : (status ?? colour(quiet));
    context.stroke();
  }
}

function meets(a: Box, b: Box): boolean {
  return a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;
}

function paintLinks(
  context: CanvasRenderingContext2D,
  boxes: ReadonlyMap<string, Box>,
  links: readonly LinkSpec[],
  seen: Box,
  colour: string,
  zoom: number,
): void {
  context.beginPath();
  for (const link of links) {
    const source = boxes.get(link.source);
    const sink = boxes.get(link.sink);
    if (!source || !sink) continue;
    const [x1, y1, x2, y2] = [source.x + source.width, source.y + source.height / 2, sink.x, sink.y + sink.height / 2];
    const [left, top] = [Math.min(x1, x2), Math.min(y1, y2)];
    if (!meets({ x: left, y: top, width: Math.abs(x2 - x1) + 1, height: Math.abs(y2 - y1) + 1 }, seen)) continue;
    const bend = Math.max(40, Math.abs(x2 - x1) / 2);
    context.moveTo(x1, y1);
    context.bezierCurveTo(x1 + bend, y1, x2 - bend, y2, x2, y2);
  }
  context.globalAlpha = 0.5;
  context.lineWidth = 1 / zoom;
  context.strokeStyle = colour;
  context.stroke();
  context.globalAlpha = 1;
}
