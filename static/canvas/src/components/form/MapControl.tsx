/** Free keys and their values. */

import { Plus, X } from "lucide-react";
import { useState } from "react";

import { isObject, same } from "../../model/fieldValue";
import { emptyValue, type Shape } from "../../model/schemaForm";
import type { Json } from "../../model/types";
import { AnyControl, Control, Wrong, type ControlProps } from "./Control";
import styles from "./form.module.css";
import { labelId } from "./labelId";
import { ItemButton } from "./ListControl";

interface Entry {
  /** Stays the same while the key is typed. */
  id: number;
  key: string;
  value: Json;
}

/** Nobody edits more entries than this one by one. */
const ENTRY_LIMIT = 50;

export function MapControl(props: ControlProps & { item: Shape }) {
  const shown = props.value ?? props.initial ?? {};
  if (!isObject(shown) || Object.keys(shown).length > ENTRY_LIMIT) return <AnyControl {...props} />;
  return <Entries {...props} shown={shown} />;
}

function Entries({ item, id, shown, disabled, onChange }: ControlProps & { item: Shape; shown: Record<string, Json> }) {
  const [entries, setEntries] = useState(() => entriesOf(shown));
  // Somebody else changed the value: take theirs. Entries without a key yet are ours alone.
  if (!same(valueOf(entries), shown)) setEntries([...entriesOf(shown), ...entries.filter((entry) => entry.key === "")]);
  const change = (next: Entry[]): void => {
    setEntries(next);
    onChange(valueOf(next));
  };
  const replace = (entry: Entry, part: Partial<Entry>): void =>
    change(entries.map((one) => (one === entry ? { ...one, ...part } : one)));
  const twice = entries.find(
    (entry, index) => entries.findIndex((one) => one.key === entry.key) < index && entry.key !== "",
  );
  return (
    <div className={styles.items} role="group" aria-labelledby={labelId(id)}>
      {entries.map((entry, index) => (
        <div key={entry.id} className={styles.item}>
          <input
            className={`${styles.input ?? ""} ${styles.entryKey ?? ""}`}
            aria-label={`Name ${index + 1}`}
            placeholder="name"
            autoComplete="off"
            spellCheck={false}
            value={entry.key}
            disabled={disabled}
            onChange={(event) => replace(entry, { key: event.target.value })}
          />
          <div className={styles.grow}>
            <Control
              shape={item}
              id={`${id}.${entry.id}`}
              name={`Value ${index + 1}`}
              value={entry.value}
              initial={undefined}
              placeholder="value"
              disabled={disabled}
              invalid={false}
              onChange={(value) => replace(entry, { value })}
              onClear={() => replace(entry, { value: emptyValue(item) })}
            />
          </div>
          {!disabled && (
            <ItemButton
              label={`Remove ${entry.key || "entry"}`}
              press={() => change(entries.filter((one) => one !== entry))}
              icon={<X size={13} />}
            />
          )}
        </div>
      ))}
      {twice && <Wrong text={`“${twice.key}” is there twice; the last one counts.`} />}
      {!disabled && (
        <button
          type="button"
          className={styles.add}
          onClick={() => setEntries([...entries, { id: nextId(entries), key: "", value: emptyValue(item) }])}
        >
          <Plus size={13} /> Add entry
        </button>
      )}
    </div>
  );
}

function entriesOf(value: Record<string, Json>): Entry[] {
  return Object.entries(value).map(([key, member], id) => ({ id, key, value: member }));
}

function valueOf(entries: readonly Entry[]): Record<string, Json> {
  return Object.fromEntries(entries.filter((entry) => entry.key !== "").map((entry) => [entry.key, entry.value]));
}

function nextId(entries: readonly Entry[]): number {
  return entries.reduce((most, entry) => Math.max(most, entry.id), -1) + 1;
}
