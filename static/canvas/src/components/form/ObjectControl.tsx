/** An object with known members: a small form inside the form. */

import { isObject } from "../../model/fieldValue";
import type { Field, ObjectShape, Shape } from "../../model/schemaForm";
import type { Json } from "../../model/types";
import { AnyControl, Control, type ControlProps } from "./Control";
import styles from "./form.module.css";
import { labelId } from "./labelId";

export function ObjectControl(props: ControlProps<ObjectShape>) {
  const { shape, id, value, initial, disabled, onChange } = props;
  const shown = value ?? initial ?? {};
  if (!isObject(shown)) return <AnyControl {...props} />;
  return (
    <div className={styles.nested} role="group" aria-labelledby={labelId(id)}>
      {shape.fields.map((field) => (
        <div key={field.name}>
          <div className={styles.label}>
            <Label id={`${id}.${field.name}`} field={field} value={shown[field.name]} />
          </div>
          <Control
            shape={field.shape}
            id={`${id}.${field.name}`}
            value={shown[field.name]}
            initial={field.initial}
            placeholder={field.placeholder}
            disabled={disabled}
            invalid={false}
            onChange={(next) => onChange({ ...shown, [field.name]: next })}
            onClear={() => onChange(Object.fromEntries(Object.entries(shown).filter(([name]) => name !== field.name)))}
          />
          {field.description !== "" && <p className={styles.hint}>{field.description}</p>}
        </div>
      ))}
    </div>
  );
}

/** Names the one input of a field, or the group of inputs that a list or an object has. */
export function Label({ id, field, value }: { id: string; field: Field; value: Json | undefined }) {
  const grouped = isGroup(field.shape, value ?? field.initial);
  return (
    <>
      {grouped ? <span id={labelId(id)}>{field.title}</span> : <label htmlFor={id}>{field.title}</label>}
      {field.required && <Needed />}
    </>
  );
}

function isGroup(shape: Shape, value: Json | undefined): boolean {
  if (shape.kind === "nullable") return isGroup(shape.shape, value ?? {});
  return shape.kind === "list" || shape.kind === "map" || shape.kind === "object";
}

/** The mark of a field that must be filled. */
function Needed() {
  return (
    <span className={styles.needed} title="Needed">
      <span aria-hidden="true">*</span>
      <span className="visually-hidden"> (needed)</span>
    </span>
  );
}
