/** A note on the canvas: text for people, never run. */

import type { NodeProps } from "@xyflow/react";
import { memo, useState } from "react";

import type { NoteFlowNode } from "../mapping";
import { actions, useStore } from "../store";
import { isReadOnly } from "../state";
import styles from "./NoteNode.module.css";

function NoteNodeView({ data, selected }: NodeProps<NoteFlowNode>) {
  const { index, note } = data;
  const readOnly = useStore(isReadOnly);
  // A new note is empty and opens for writing.
  const [writing, setWriting] = useState(!readOnly && note.text === "");

  const write = (text: string): void => {
    const notes = useStore.getState().graph.spec.annotations;
    actions().setAnnotations(
      notes.map((one, place) => (place === index ? { ...one, text } : one)),
      `note ${index}`,
    );
  };

  return (
    <div className={styles.note} data-selected={selected} onDoubleClick={() => setWriting(!readOnly)}>
      {writing ? (
        <textarea
          className={`${styles.text} nodrag nopan nowheel`}
          value={note.text}
          placeholder="Write a note"
          aria-label="Note"
          autoFocus
          onChange={(event) => write(event.target.value)}
          onBlur={() => setWriting(false)}
          onKeyDown={(event) => {
            event.stopPropagation();
            if (event.key === "Escape") setWriting(false);
          }}
        />
      ) : (
        <p className={styles.text}>{note.text || "Empty note"}</p>
      )}
    </div>
  );
}

export const NoteNode = memo(NoteNodeView);
