/** The upper edge of the drawer, to be dragged or moved with the arrow keys. */

import type { KeyboardEvent, PointerEvent } from "react";

import styles from "../RunDrawer.module.css";
import { LEAST, type DrawerHeight } from "./useDrawerHeight";

const STEP = 24;

export function Grip({ height }: { height: DrawerHeight }) {
  const drag = (event: PointerEvent<HTMLDivElement>): void => {
    const edge = event.currentTarget;
    const from = event.clientY + height.value;
    const move = (moved: globalThis.PointerEvent): void => height.set(from - moved.clientY);
    const stop = (): void => {
      edge.removeEventListener("pointermove", move);
      edge.removeEventListener("pointerup", stop);
      edge.removeEventListener("pointercancel", stop);
    };
    edge.setPointerCapture(event.pointerId);
    edge.addEventListener("pointermove", move);
    edge.addEventListener("pointerup", stop);
    edge.addEventListener("pointercancel", stop);
  };
  const key = (event: KeyboardEvent): void => {
    const step = event.key === "ArrowUp" ? STEP : event.key === "ArrowDown" ? -STEP : 0;
    if (step === 0) return;
    event.preventDefault();
    height.set(height.value + step);
  };
  return (
    <div
      className={styles.grip}
      role="separator"
      aria-orientation="horizontal"
      aria-label="Height of the run panel"
      aria-valuenow={height.value}
      aria-valuemin={LEAST}
      tabIndex={0}
      onPointerDown={drag}
      onKeyDown={key}
      onDoubleClick={height.toggle}
    />
  );
}
