/** What a graph without nodes shows: how to begin. */

import { MousePointerClick } from "lucide-react";

import { actions, useStore } from "../store";
import { isReadOnly } from "../state";
import { Button } from "./Button";
import styles from "./EmptyCanvas.module.css";

export function EmptyCanvas() {
  const readOnly = useStore(isReadOnly);
  const hasInput = useStore((state) => "io.input" in state.catalogue.blocks);
  return (
    <div className={styles.empty}>
      <MousePointerClick className={styles.sign} aria-hidden="true" />
      <h2>{readOnly ? "Nothing is drawn here yet" : "Start with a block"}</h2>
      {!readOnly && (
        <>
          <p>
            Drag one from the left, double-click the canvas, or press <kbd>/</kbd> to search. Then pull links from port
            to port.
          </p>
          {hasInput && <Button onClick={() => actions().addNode("io.input", [0, 0])}>Add an input</Button>}
        </>
      )}
    </div>
  );
}
