/** The dots behind the drawing: two background values written while it moves, nothing rendered. */

import { useStoreApi } from "@xyflow/react";
import { useEffect, useRef } from "react";

import styles from "./DotGrid.module.css";

const GAP = 20;

export function DotGrid() {
  const element = useRef<HTMLDivElement>(null);
  const store = useStoreApi();

  useEffect(() => {
    let last = "";
    const draw = (): void => {
      const [x, y, zoom] = store.getState().transform;
      const now = `${x},${y},${zoom}`;
      const style = element.current?.style;
      if (now === last || !style) return;
      last = now;
      // Far out the dots would run into each other: every second, fourth, … is left.
      const gap = GAP * zoom * (zoom < 0.3 ? 4 : zoom < 0.6 ? 2 : 1);
      style.visibility = zoom < 0.15 ? "hidden" : "visible";
      style.backgroundSize = `${gap}px ${gap}px`;
      style.backgroundPosition = `${x}px ${y}px`;
    };
    draw();
    return store.subscribe(draw);
  }, [store]);

  return <div ref={element} className={styles.dots} aria-hidden="true" />;
}
