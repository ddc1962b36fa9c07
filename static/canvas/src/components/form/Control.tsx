/** The input that fits a shape. Values go out with every change that can be read. */

import { readAny, readNumber, same, typeName, writeAny } from "../../model/fieldValue";
import { shapeName, type NumberShape, type Option, type Shape, type TextShape } from "../../model/schemaForm";
import type { Json } from "../../model/types";
import { CodeArea } from "./CodeArea";
import { CredentialControl } from "./CredentialControl";
import styles from "./form.module.css";
import { GraphControl } from "./GraphControl";
import { ListControl } from "./ListControl";
import { MapControl } from "./MapControl";
import { ObjectControl } from "./ObjectControl";
import { useTyped } from "./useTyped";

export interface ControlProps<S extends Shape = Shape> {
  shape: S;
  /** Id of the input, for its label; also names what is typed but not readable yet. */
  id: string;
  /** Name of the input where no label points at it, as in a list. */
  name?: string | undefined;
  /** Undefined: nothing is set, the default counts. */
  value: Json | undefined;
  initial: Json | undefined;
  placeholder: string;
  disabled: boolean;
  invalid: boolean;
  onChange: (value: Json) => void;
  /** Back to nothing set. */
  onClear: () => void;
}

export function Control(props: ControlProps) {
  const { shape } = props;
  switch (shape.kind) {
    case "text":
      return <TextControl {...props} shape={shape} />;
    case "number":
      return <NumberControl {...props} shape={shape} />;
    case "toggle":
      return <ToggleControl {...props} />;
    case "graph":
      return <GraphControl {...props} />;
    case "credential":
      return <CredentialControl {...props} shape={shape} />;
    case "select":
      return <SelectControl {...props} options={shape.options} />;
    case "list":
      return <ListControl {...props} shape={shape} />;
    case "object":
      return <ObjectControl {...props} shape={shape} />;
    case "map":
      return <MapControl {...props} value={props.value} item={shape.value} />;
    case "any":
      return <AnyControl {...props} />;
    case "nullable":
      return <NullableControl {...props} inner={shape.shape} />;
  }
}

/** What stands in an empty box: the default that counts, or that an empty text was chosen. */
function emptyHint({ value, initial, placeholder, disabled }: ControlProps): string {
  if (value !== undefined && value !== null) return value === "" ? "Empty text" : "";
  if (initial === undefined || initial === null || initial === "") return disabled ? "Not set" : placeholder;
  return writeAny(initial);
}

function TextControl(props: ControlProps<TextShape>) {
  const { shape, id, value, initial, disabled, invalid, onChange, onClear } = props;
  const shown = typeof value === "string" ? value : value === undefined || value === null ? "" : JSON.stringify(value);
  // An emptied text with a default means an empty text; without one it means nothing at all.
  const change = (text: string): void =>
    text === "" && (initial === undefined || initial === null) ? onClear() : onChange(text);
  if (shape.widget !== "line" || shown.includes("\n")) {
    return (
      <CodeArea
        id={id}
        name={props.name}
        text={shown}
        widget={shape.widget === "line" ? "textarea" : shape.widget}
        placeholder={emptyHint(props)}
        disabled={disabled}
        invalid={invalid}
        onChange={change}
      />
    );
  }
  return (
    <input
      id={id}
      aria-label={props.name}
      className={styles.input}
      type="text"
      autoComplete="off"
      spellCheck={false}
      value={shown}
      placeholder={emptyHint(props)}
      disabled={disabled}
      aria-invalid={invalid}
      onChange={(event) => change(event.target.value)}
    />
  );
}

function NumberControl(props: ControlProps<NumberShape>) {
  const { id, value, shape, disabled, invalid, onChange, onClear } = props;
  const field = useTyped({ id, value, write: writeNumber, read: readNumber, onChange, onClear });
  const step = (by: number): void => {
    const next = (typeof value === "number" ? value : Number(props.initial ?? 0)) + by;
    if (next >= shape.minimum && next <= shape.maximum) onChange(Number(next.toFixed(6)));
  };
  return (
    <>
      <input
        id={id}
        aria-label={props.name}
        className={`${styles.input ?? ""} num`}
        type="text"
        inputMode={shape.integer ? "numeric" : "decimal"}
        autoComplete="off"
        value={field.text}
        placeholder={emptyHint(props)}
        disabled={disabled}
        aria-invalid={invalid || field.error !== ""}
        onChange={(event) => field.type(event.target.value)}
        onBlur={field.settle}
        onKeyDown={(event) => {
          if (event.key !== "ArrowUp" && event.key !== "ArrowDown") return;
          event.preventDefault();
          step(event.key === "ArrowUp" ? 1 : -1);
        }}
      />
      <Wrong text={field.error} />
    </>
  );
}

function writeNumber(value: Json): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

const NOT_SET: Option = { value: null, label: "Not set" };
const YES_NO: readonly Option[] = [
  { value: true, label: "Yes" },
  { value: false, label: "No" },
];

function ToggleControl(props: ControlProps) {
  const { id, value, initial, disabled, onChange } = props;
  // Without a default neither state would be true: let people choose.
  if ((value ?? initial ?? null) === null) return <SelectControl {...props} options={YES_NO} />;
  const on = (value ?? initial) === true;
  return (
    <span className={styles.toggleRow}>
      <input
        id={id}
        aria-label={props.name}
        className={styles.toggle}
        type="checkbox"
        role="switch"
        checked={on}
        disabled={disabled}
        onChange={(event) => onChange(event.target.checked)}
      />
      <span aria-hidden="true">{on ? "Yes" : "No"}</span>
    </span>
  );
}

const UNSET = "-";

function SelectControl({
  id,
  name,
  value,
  initial,
  options,
  disabled,
  invalid,
  onChange,
  onClear,
}: ControlProps & { options: readonly Option[] }) {
  const current = value ?? initial;
  const index = options.findIndex((option) => same(option.value, current ?? null));
  const pick = (chosen: string): void => {
    const option = options[Number(chosen)];
    if (!option || (option.value === null && (initial ?? null) === null)) onClear();
    else onChange(option.value);
  };
  return (
    <select
      id={id}
      aria-label={name}
      className={styles.select}
      value={index < 0 ? UNSET : String(index)}
      disabled={disabled}
      aria-invalid={invalid}
      onChange={(event) => pick(event.target.value)}
    >
      {index < 0 && (
        <option value={UNSET}>{current === undefined || current === null ? "Choose…" : writeAny(current)}</option>
      )}
      {options.map((option, k) => (
        <option key={option.label} value={String(k)}>
          {option.label}
        </option>
      ))}
    </select>
  );
}

/** Any value: JSON where it is JSON, else text; the chip says what it is taken for. */
export function AnyControl(props: Omit<ControlProps, "shape">) {
  const { id, value, initial, disabled, invalid, onChange, onClear } = props;
  const field = useTyped({ id, value, write: writeAny, read: readAny, onChange, onClear });
  const lines = Math.min(12, Math.max(1, field.text.split("\n").length));
  const open = disabled ? "Not set" : props.placeholder || "Text, number or JSON";
  const hint = (initial ?? null) === null ? open : writeAny(initial ?? null);
  return (
    <>
      <span className={styles.any}>
        <textarea
          id={id}
          aria-label={props.name}
          className={styles.json}
          rows={lines}
          spellCheck={false}
          value={field.text}
          placeholder={value === undefined ? hint : value === "" ? "Empty text" : ""}
          disabled={disabled}
          aria-invalid={invalid || field.error !== ""}
          onChange={(event) => field.type(event.target.value)}
          onBlur={field.settle}
        />
        {value !== undefined && <span className={styles.chip}>{typeName(value)}</span>}
      </span>
      <Wrong text={field.error} />
    </>
  );
}

function NullableControl({ inner, ...props }: ControlProps & { inner: Shape }) {
  const { value, disabled, onChange, onClear } = props;
  const clear = props.initial === null || props.initial === undefined ? onClear : () => onChange(null);
  if (inner.kind === "toggle") {
    return <SelectControl {...props} options={[NOT_SET, ...YES_NO]} />;
  }
  if (inner.kind === "select") return <SelectControl {...props} options={[NOT_SET, ...inner.options]} />;
  if (inner.kind === "text" || inner.kind === "number") {
    return <Control {...props} shape={inner} value={value ?? undefined} onClear={clear} />;
  }
  if ((value ?? props.initial ?? null) === null) {
    return (
      <button
        type="button"
        className={styles.add}
        disabled={disabled}
        onClick={() => onChange(inner.kind === "list" ? [] : {})}
      >
        Set {shapeName(inner)}
      </button>
    );
  }
  return <Control {...props} shape={inner} onClear={clear} />;
}

/** What is wrong with a field, in words. */
export function Wrong({ text }: { text: string }) {
  return text === "" ? null : (
    <p className={styles.wrong} role="alert">
      {text}
    </p>
  );
}
