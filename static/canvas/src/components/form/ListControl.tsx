/** A list, item by item; long ones as JSON. */

import { ArrowUp, Plus, X } from "lucide-react";

import { checkValue } from "../../model/fieldValue";
import { emptyValue, type ListShape } from "../../model/schemaForm";
import type { Json } from "../../model/types";
import { AnyControl, Control, type ControlProps } from "./Control";
import styles from "./form.module.css";
import { labelId } from "./labelId";

/** Nobody edits more items than this one by one. */
const ITEM_LIMIT = 50;

export function ListControl(props: ControlProps<ListShape>) {
  const { shape, id, value, initial, disabled, onChange } = props;
  const shown = value ?? initial ?? [];
  if (!Array.isArray(shown) || shown.length > ITEM_LIMIT) return <AnyControl {...props} />;
  const replace = (index: number, item: Json): void => onChange(shown.with(index, item));
  const up = (index: number): void =>
    onChange(shown.toSpliced(index - 1, 2, ...shown.slice(index - 1, index + 1).reverse()));
  return (
    <div className={styles.items} role="group" aria-labelledby={labelId(id)}>
      {shown.map((item, index) => (
        // Items have no identity of their own: the position is all there is.
        <div key={`${index}-${shown.length}`} className={styles.item}>
          <span className={`${styles.index ?? ""} num`}>{index}</span>
          <div className={styles.grow}>
            <Control
              shape={shape.item}
              id={`${id}.${index}`}
              name={`Item ${index}`}
              value={item}
              initial={undefined}
              placeholder=""
              disabled={disabled}
              invalid={checkValue(shape.item, item).length > 0}
              onChange={(next) => replace(index, next)}
              onClear={() => replace(index, emptyValue(shape.item))}
            />
          </div>
          {!disabled && (
            <>
              <ItemButton
                label={`Move item ${index} up`}
                disabled={index === 0}
                press={() => up(index)}
                icon={<ArrowUp size={13} />}
              />
              <ItemButton
                label={`Remove item ${index}`}
                press={() => onChange(shown.toSpliced(index, 1))}
                icon={<X size={13} />}
              />
            </>
          )}
        </div>
      ))}
      {!disabled && shown.length < shape.maxItems && (
        <button type="button" className={styles.add} onClick={() => onChange([...shown, emptyValue(shape.item)])}>
          <Plus size={13} /> Add item
        </button>
      )}
    </div>
  );
}

interface ItemButtonProps {
  label: string;
  icon: React.ReactNode;
  disabled?: boolean;
  press: () => void;
}

/** A small button at the end of an item. */
export function ItemButton({ label, icon, disabled = false, press }: ItemButtonProps) {
  return (
    <button
      type="button"
      className={styles.itemButton}
      aria-label={label}
      title={label}
      disabled={disabled}
      onClick={press}
    >
      {icon}
    </button>
  );
}
