/** The whole graph small, nodes in status colours, drawn on one 2D canvas; a click or drag moves the view. */

import { useReactFlow, useStoreApi } from "@xyflow/react";
import { useEffect, useMemo, useRef, type PointerEvent } from "react";

import { coloursOf, onceAFrame, pixelRatio } from "../canvas2d";
import { nodeSummary, subscribeLive } from "../live";
import { statusColour } from "../model/run";
import { around, type Box } from "../model/shape";
import { useStore } from "../store";
import { useNodeBoxes } from "./useViewport";
import styles from "./Minimap.module.css";

const WIDTH = 176;
const HEIGHT = 104;
const PADDING = 8;

interface Scale {
  factor: number;
  left: number;
  top: number;
}

function scaleFor(boxes: ReadonlyMap<string, Box>): Scale {
  const all = around(boxes.values()) ?? { x: 0, y: 0, width: 1, height: 1 };
  const factor = Math.min((WIDTH - 2 * PADDING) / all.width, (HEIGHT - 2 * PADDING) / all.height, 0.16);
  return {
    factor,
    left: (WIDTH - all.width * factor) / 2 - all.x * factor,
    top: (HEIGHT - all.height * factor) / 2 - all.y * factor,
  };
}

export function Minimap() {
  const canvas = useRef<HTMLCanvasElement>(null);
  const store = useStoreApi();
  const flow = useReactFlow();
  const theme = useStore((state) => state.ui.theme);
  const boxes = useNodeBoxes();
  const scale = useMemo(() => scaleFor(boxes), [boxes]);

  useEffect(() => {
    const { soon, stop } = onceAFrame(() => {
      const context = canvas.current?.getContext("2d");
      if (context) paint(context, boxes, scale, store.getState());
    });
    soon();
    const stops = [store.subscribe(soon), subscribeLive(soon), stop];
    return () => stops.forEach((one) => one());
  }, [boxes, scale, store, theme]);

  const go = (event: PointerEvent<HTMLCanvasElement>): void => {
    if (event.buttons !== 1) return;
    event.currentTarget.setPointerCapture(event.pointerId);
    const box = event.currentTarget.getBoundingClientRect();
    const x = (event.clientX - box.left - scale.left) / scale.factor;
    const y = (event.clientY - box.top - scale.top) / scale.factor;
    void flow.setCenter(x, y, { zoom: store.getState().transform[2] });
  };

  if (boxes.size < 2) return null;
  const ratio = pixelRatio();
  return (
    <canvas
      ref={canvas}
      className={styles.minimap}
      width={WIDTH * ratio}
      height={HEIGHT * ratio}
      aria-hidden="true"
      onPointerDown={go}
      onPointerMove={go}
    />
  );
}

interface View {
  width: number;
  height: number;
  transform: [number, number, number];
}

function paint(context: CanvasRenderingContext2D, boxes: ReadonlyMap<string, Box>, scale: Scale, view: View): void {
  const ratio = context.canvas.width / WIDTH;
  const colour = coloursOf(context.canvas);
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, WIDTH, HEIGHT);
  for (const [key, box] of boxes) {
    const summary = nodeSummary(key);
    const quiet = summary === undefined || summary.status === "queued" || summary.status === "skipped";
    const name = quiet ? "var(--line2)" : statusColour(summary.status, summary.handled);
    context.globalAlpha = quiet ? 1 : 0.7;
    context.fillStyle = colour(name);
    context.beginPath();
    const { factor, left, top } = scale;
    const width = Math.max(2, box.width * factor);
    const height = Math.max(2, box.height * factor);
    context.roundRect(box.x * factor + left, box.y * factor + top, width, height, Math.min(2.5, height / 3));
    context.fill();
  }
  paintView(context, scale, view, colour("var(--sel)"));
}

function paintView(context: CanvasRenderingContext2D, scale: Scale, view: View, colour: string): void {
  const [x, y, zoom] = view.transform;
  const left = Math.max(3, (-x / zoom) * scale.factor + scale.left);
  const top = Math.max(3, (-y / zoom) * scale.factor + scale.top);
  const right = Math.min(WIDTH - 3, ((view.width - x) / zoom) * scale.factor + scale.left);
  const bottom = Math.min(HEIGHT - 3, ((view.height - y) / zoom) * scale.factor + scale.top);
  if (right <= left || bottom <= top) return;
  context.fillStyle = colour;
  context.strokeStyle = colour;
  context.beginPath();
  context.roundRect(left, top, right - left, bottom - top, 4);
  context.globalAlpha = 0.05;
  context.fill();
  context.globalAlpha = 0.5;
  context.stroke();
}
