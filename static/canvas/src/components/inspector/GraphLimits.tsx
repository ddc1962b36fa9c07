/** When a run of this graph is stopped. */

import { readNumber, type Reading } from "../../model/fieldValue";
import { isReadOnly, shownSpec } from "../../state";
import { actions, useStore } from "../../store";
import { Wrong } from "../form/Control";
import formStyles from "../form/form.module.css";
import { useTyped } from "../form/useTyped";
import styles from "../Inspector.module.css";

const LIMITS = [
  { name: "seconds", title: "Seconds", usual: "none", hint: "A run that takes longer fails." },
  { name: "laps", title: "Runs of one node", usual: "1,000", hint: "At one place: stops endless cycles." },
  { name: "node_executions", title: "Node runs in all", usual: "1,000,000", hint: "" },
  { name: "depth", title: "Depth", usual: "16", hint: "Graphs that run each other." },
  { name: "items", title: "Items of one loop", usual: "100,000", hint: "" },
  { name: "value_bytes", title: "Bytes of one value", usual: "as the server allows", hint: "" },
] as const;

export function GraphLimits() {
  const words = useStore((state) => {
    const set = LIMITS.filter(({ name }) => name in shownSpec(state).limits);
    return set.length === 0 ? "as usual" : set.map(({ title }) => title.toLowerCase()).join(", ");
  });
  return (
    <details className={styles.section}>
      <summary>
        Limits <small>{words}</small>
      </summary>
      <div className={styles.two}>
        {LIMITS.map((limit) => (
          <Limit key={limit.name} {...limit} />
        ))}
      </div>
    </details>
  );
}

function Limit({ name, title, usual, hint }: (typeof LIMITS)[number]) {
  const limits = useStore((state) => shownSpec(state).limits);
  const readOnly = useStore(isReadOnly);
  const id = `limit-${name}`;
  const set = (value: number | null): void => {
    actions().setGraph("limits", { [name]: value });
  };
  const field = useTyped({
    id,
    value: limits[name],
    write: String,
    read: readLimit,
    onChange: (value) => set(Number(value)),
    onClear: () => set(null),
  });
  return (
    <div className={formStyles.field}>
      <label className={formStyles.label} htmlFor={id}>
        {title}
      </label>
      <input
        id={id}
        className={`${formStyles.input ?? ""} num`}
        inputMode="numeric"
        autoComplete="off"
        placeholder={usual}
        value={field.text}
        disabled={readOnly}
        aria-invalid={field.error !== ""}
        onChange={(event) => field.type(event.target.value)}
        onBlur={field.settle}
      />
      {field.error === "" ? hint !== "" && <p className={formStyles.hint}>{hint}</p> : <Wrong text={field.error} />}
    </div>
  );
}

function readLimit(text: string): Reading {
  const reading = readNumber(text.replaceAll(",", ""));
  if (typeof reading.value !== "number") return reading;
  return Number.isInteger(reading.value) && reading.value > 0 ? reading : { error: "A whole number above 0." };
}
