/** A search field over a list: type to narrow, arrows to choose, Enter to take. */

import { useEffect, useId, useRef, useState, type KeyboardEvent, type ReactNode } from "react";

import styles from "./Picker.module.css";

export interface Choice {
  id: string;
  title: string;
  detail?: string;
  sign?: ReactNode;
  /** More words that find it. */
  words?: string;
}

interface PickerProps {
  label: string;
  choices: readonly Choice[];
  empty: string;
  onPick: (choice: Choice) => void;
  onClose: () => void;
  /** For choices that come from elsewhere as one types. */
  onType?: (text: string) => void;
}

const MOST = 60;

/** Choices that hold every typed word, those whose title begins with the text first. */
export function narrow(choices: readonly Choice[], text: string): Choice[] {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const fits = choices.filter((choice) => {
    const all = `${choice.title} ${choice.detail ?? ""} ${choice.words ?? ""}`.toLowerCase();
    return words.every((word) => all.includes(word));
  });
  const first = words[0] ?? "";
  const rank = (choice: Choice): number => (choice.title.toLowerCase().startsWith(first) ? 0 : 1);
  return fits.toSorted((a, b) => rank(a) - rank(b)).slice(0, MOST);
}

export function Picker({ label, choices, empty, onPick, onClose, onType }: PickerProps) {
  const [text, setText] = useState("");
  const [active, setActive] = useState(0);
  const list = useRef<HTMLUListElement>(null);
  const id = useId();
  const shown = narrow(choices, text);
  const current = Math.min(active, shown.length - 1);

  useEffect(() => {
    list.current?.children[current]?.scrollIntoView({ block: "nearest" });
  }, [current]);

  const onKeyDown = (event: KeyboardEvent): void => {
    event.stopPropagation();
    const steps: Record<string, number> = { ArrowDown: 1, ArrowUp: -1 };
    const step = steps[event.key];
    if (step !== undefined) {
      event.preventDefault();
      setActive((current + step + shown.length) % Math.max(1, shown.length));
    } else if (event.key === "Enter" || event.key === "Tab") {
      event.preventDefault();
      const choice = shown[current];
      if (choice) onPick(choice);
    } else if (event.key === "Escape") {
      onClose();
    }
  };

  return (
    <div className={styles.picker}>
      <input
        className={styles.input}
        role="combobox"
        aria-label={label}
        aria-expanded
        aria-controls={id}
        aria-activedescendant={shown[current] ? `${id}-${current}` : undefined}
        placeholder={label}
        value={text}
        autoFocus
        onChange={(event) => {
          setText(event.target.value);
          onType?.(event.target.value);
          setActive(0);
        }}
        onKeyDown={onKeyDown}
      />
      <ul ref={list} id={id} className={styles.list} role="listbox" aria-label={label}>
        {shown.map((choice, index) => (
          <li
            key={choice.id}
            id={`${id}-${index}`}
            role="option"
            aria-selected={index === current}
            onPointerMove={() => setActive(index)}
            onPointerDown={(event) => event.preventDefault()}
            onClick={() => onPick(choice)}
          >
            {choice.sign}
            <b>{choice.title}</b>
            {choice.detail !== undefined && <span>{choice.detail}</span>}
          </li>
        ))}
      </ul>
      {shown.length === 0 && <p className={styles.none}>{empty}</p>}
    </div>
  );
}
