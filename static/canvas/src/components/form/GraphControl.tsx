/** Chooses another graph by its name. */

import { ChevronsUpDown, ExternalLink, Workflow } from "lucide-react";
import { useEffect, useRef, useState } from "react";

import { api } from "../../api/client";
import type { GraphRow } from "../../model/types";
import { useStore } from "../../store";
import { Picker } from "../Picker";
import { rememberGraphName, useGraphName } from "../useGraphName";
import type { ControlProps } from "./Control";
import styles from "./GraphControl.module.css";

export function GraphControl({ id, name, value, disabled, invalid, onChange }: ControlProps) {
  const home = useStore((state) => state.home);
  const [open, setOpen] = useState(false);
  const element = useRef<HTMLDivElement>(null);
  const chosen = typeof value === "number" ? value : null;
  const title = useGraphName(chosen);

  useEffect(() => {
    if (!open) return undefined;
    const outside = (event: PointerEvent): void => {
      if (event.target instanceof Node && !element.current?.contains(event.target)) setOpen(false);
    };
    document.addEventListener("pointerdown", outside, { capture: true });
    return () => document.removeEventListener("pointerdown", outside, { capture: true });
  }, [open]);

  return (
    <div ref={element} className={styles.graph}>
      <div className={styles.row}>
        <button
          id={id}
          type="button"
          className={styles.chosen}
          aria-label={name}
          aria-describedby={`${id}-chosen`}
          aria-haspopup="listbox"
          aria-expanded={open}
          aria-invalid={invalid}
          disabled={disabled}
          onClick={() => setOpen(!open)}
        >
          <Workflow size={14} aria-hidden="true" />
          <span id={`${id}-chosen`} data-empty={chosen === null}>
            {chosen === null ? "Choose a graph…" : title || `Graph ${chosen}`}
          </span>
          <ChevronsUpDown size={13} aria-hidden="true" />
        </button>
        {chosen !== null && (
          <a href={`${home}graphs/${chosen}/canvas/`} target="_blank" rel="noopener">
            Open <ExternalLink size={12} aria-hidden="true" />
          </a>
        )}
      </div>
      {open && (
        <div className={styles.list}>
          <GraphPicker
            onPick={(graph) => {
              rememberGraphName(graph);
              setOpen(false);
              onChange(graph.id);
            }}
            onClose={() => setOpen(false)}
          />
        </div>
      )}
    </div>
  );
}

/** A pause in typing before the server is asked. */
const PAUSE_MS = 200;

function GraphPicker({ onPick, onClose }: { onPick: (graph: GraphRow) => void; onClose: () => void }) {
  const own = useStore((state) => state.graph.id);
  const [text, setText] = useState("");
  const [found, setFound] = useState<GraphRow[] | null>(null);
  useEffect(() => {
    const timer = setTimeout(
      () => {
        void api.graphs(text.trim()).then((answer) => setFound(answer.ok ? answer.data.results : []));
      },
      text === "" ? 0 : PAUSE_MS,
    );
    return () => clearTimeout(timer);
  }, [text]);
  const choices = (found ?? []).map((graph) => ({
    id: String(graph.id),
    title: graph.name || `Graph ${graph.id}`,
    detail:
      graph.id === own ? "this graph" : graph.published_version === null ? "draft" : `v${graph.published_version}`,
    words: graph.description,
  }));
  return (
    <Picker
      label="Search graphs"
      choices={choices}
      empty={found === null ? "Searching…" : "No graph is called so."}
      onType={setText}
      onPick={(choice) => {
        const graph = found?.find((one) => String(one.id) === choice.id);
        if (graph) onPick(graph);
      }}
      onClose={onClose}
    />
  );
}
