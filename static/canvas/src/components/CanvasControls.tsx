/** Zoom, fit, layout and notes, at the bottom left of the canvas. */

import { useReactFlow, useStore as useFlowStore } from "@xyflow/react";
import { Maximize, Minus, Plus, StickyNote, Workflow } from "lucide-react";

import { actions, useStore } from "../store";
import { isReadOnly } from "../state";
import { IconButton } from "./Button";
import { useFit, usePlace } from "./useViewport";
import styles from "./CanvasControls.module.css";

export function CanvasControls() {
  const flow = useReactFlow();
  const fit = useFit();
  const place = usePlace();
  const percent = useFlowStore((state) => Math.round(state.transform[2] * 100));
  const readOnly = useStore(isReadOnly);

  const layOut = (): void => {
    actions().autoLayout();
    requestAnimationFrame(() => fit());
  };
  const addNote = (): void => {
    const notes = useStore.getState().graph.spec.annotations;
    const [x, y] = place();
    actions().setAnnotations([...notes, { kind: "note", text: "", at: [x, y, 180, 96] }]);
    actions().select({ nodes: [], links: [], notes: [notes.length] });
  };

  return (
    <div className={styles.bar} role="toolbar" aria-label="View">
      <IconButton label="Zoom out" onClick={() => void flow.zoomOut({ duration: 120 })}>
        <Minus />
      </IconButton>
      <button
        type="button"
        className={`${styles.percent} num`}
        title="Back to 100%"
        onClick={() => void flow.zoomTo(1)}
      >
        {percent}%
      </button>
      <IconButton label="Zoom in" onClick={() => void flow.zoomIn({ duration: 120 })}>
        <Plus />
      </IconButton>
      <span className={styles.line} />
      <IconButton label="Show everything" keys="F" onClick={() => fit()}>
        <Maximize />
      </IconButton>
      {!readOnly && (
        <>
          <IconButton label="Lay out" onClick={layOut}>
            <Workflow />
          </IconButton>
          <IconButton label="Add a note" onClick={addNote}>
            <StickyNote />
          </IconButton>
        </>
      )}
    </div>
  );
}
