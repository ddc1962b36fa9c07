/** The text of a field while it is being typed, beside the value that it stands for. */

import { useEffect, useState } from "react";

import { same, type Reading } from "../../model/fieldValue";
import type { Json } from "../../model/types";

interface Typed {
  text: string;
  /** The value when the text was last in step with it. */
  base: Json | undefined;
}

interface TypedField {
  id: string;
  /** Undefined: nothing is set. */
  value: Json | undefined;
  write: (value: Json) => string;
  /** Reads a text that is not empty. */
  read: (text: string) => Reading;
  onChange: (value: Json) => void;
  onClear: () => void;
}

/** Texts that are no value yet (a half-written list), by field: they outlive a look at another node. */
const unread = new Map<string, Typed>();

/** Whether a field whose id begins so holds a text that is no value. */
export function hasUnread(prefix: string): boolean {
  return [...unread.keys()].some((id) => id.startsWith(prefix));
}

/** How long somebody may pause before an unfinished text is called wrong. */
const PAUSE_MS = 800;

/**
 * Text and error of a field whose value lives elsewhere.
 *
 * What is typed goes out with every change that can be read. A value that changes from outside replaces the text,
 * unless the text means just that value.
 */
export function useTyped({ id, value, write, read, onChange, onClear }: TypedField) {
  const written = (of: Json | undefined): string => (of === undefined ? "" : write(of));
  const [typed, setTyped] = useState<Typed>(() => unread.get(id) ?? { text: written(value), base: value });
  const [settled, setSettled] = useState(true);
  let { text } = typed;
  if (!same(typed.base, value)) {
    if (!means(text, value, read)) text = written(value);
    setTyped({ text, base: value });
  }
  const reading: Reading = text.trim() === "" ? { value: null } : read(text);
  const broken = reading.error !== undefined;

  useEffect(() => {
    if (broken) unread.set(id, { text, base: value });
    else unread.delete(id);
  }, [id, broken, text, value]);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(true), PAUSE_MS);
    return () => clearTimeout(timer);
  }, [text]);

  const type = (next: string): void => {
    setTyped({ text: next, base: value });
    setSettled(false);
    if (next.trim() === "") {
      onClear();
      return;
    }
    const now = read(next);
    if (now.error === undefined) onChange(now.value);
  };
  return { text, type, settle: () => setSettled(true), error: broken && settled ? reading.error : "" };
}

function means(text: string, value: Json | undefined, read: (text: string) => Reading): boolean {
  if (text.trim() === "") return value === undefined;
  const reading = read(text);
  return reading.error === undefined && same(reading.value, value);
}
