/** The data that a node gives instead of running: looked at, edited, taken away. */

import { Pin, PinOff, Plus } from "lucide-react";

import type { Json, NodePorts, NodeSpec, Port } from "../../model/types";
import { isReadOnly } from "../../state";
import { actions, useStore } from "../../store";
import { Button } from "../Button";
import { AnyControl } from "../form/Control";
import formStyles from "../form/form.module.css";
import styles from "../Inspector.module.css";

const NONE: readonly Port[] = [];

export function PinnedData({ node, ports }: { node: NodeSpec; ports: NodePorts | undefined }) {
  const readOnly = useStore(isReadOnly);
  const { pinned } = node;
  if (!pinned) return null;
  const outputs = ports?.outputs ?? NONE;
  const strange = Object.keys(pinned).filter((name) => !outputs.some((port) => port.name === name));
  const set = (name: string, value: Json): void =>
    actions().setPinned(node.key, { ...pinned, [name]: value }, `pinned ${node.key} ${name}`);
  const unset = (name: string): void =>
    actions().setPinned(node.key, Object.fromEntries(Object.entries(pinned).filter(([other]) => other !== name)));
  return (
    <section className={styles.pinned} aria-label="Pinned data">
      <header>
        <Pin size={14} aria-hidden="true" />
        <b>Pinned data</b>
        {!readOnly && (
          <Button icon={<PinOff />} onClick={() => actions().setPinned(node.key, null)}>
            Remove
          </Button>
        )}
      </header>
      <p>The node gives these values instead of running.</p>
      {[...outputs.map((port) => port.name), ...strange].map((name) => (
        <PinnedPort
          key={name}
          nodeKey={node.key}
          name={name}
          kind={outputs.find((port) => port.name === name)?.kind}
          value={pinned[name]}
          disabled={readOnly}
          set={set}
          unset={unset}
        />
      ))}
    </section>
  );
}

interface PinnedPortProps {
  nodeKey: string;
  name: string;
  kind: Port["kind"] | undefined;
  value: Json | undefined;
  disabled: boolean;
  set: (name: string, value: Json) => void;
  unset: (name: string) => void;
}

/** A port without a value gives nothing. */
function PinnedPort({ nodeKey, name, kind, value, disabled, set, unset }: PinnedPortProps) {
  const id = `pinned-${nodeKey}-${name}`;
  if (value === undefined) {
    return disabled ? null : (
      <button type="button" className={formStyles.add} onClick={() => set(name, kind === "stream" ? [] : null)}>
        <Plus size={13} /> {name}
      </button>
    );
  }
  return (
    <div className={formStyles.field}>
      <div className={formStyles.label}>
        <label htmlFor={id}>{name}</label>
        <span className={formStyles.side}>
          {kind === "stream" && "a list of the items"}
          {!disabled && (
            <button type="button" className={formStyles.reset} onClick={() => unset(name)}>
              Give nothing<span className="visually-hidden"> at {name}</span>
            </button>
          )}
        </span>
      </div>
      <AnyControl
        id={id}
        value={value}
        initial={undefined}
        placeholder="JSON"
        disabled={disabled}
        invalid={false}
        onChange={(next) => set(name, next)}
        onClear={() => set(name, "")}
      />
    </div>
  );
}
