/** Values in few words, and lists of objects as tables. */

import { isObject } from "./fieldValue";
import { bytes, count } from "./format";
import type { Json } from "./types";

/** "object, 3 keys", "list, 12 items": what a closed branch of the tree says. */
export function branchWords(value: Json[] | Record<string, Json>): string {
  return Array.isArray(value)
    ? `list, ${count(value.length, "item")}`
    : `object, ${count(Object.keys(value).length, "key")}`;
}

/** A value on one line of at most `length` characters; never reads more of a large value than it shows. */
export function oneLine(value: Json, length = 80): string {
  if (typeof value === "string") return cut(JSON.stringify(value.slice(0, length + 1)), length);
  if (value === null || typeof value !== "object") return String(value);
  return cut(inside(value, length), length);
}

function inside(value: Json[] | Record<string, Json>, length: number): string {
  const list = Array.isArray(value);
  const parts: string[] = [];
  let used = 2;
  for (const [key, member] of list ? value.entries() : Object.entries(value)) {
    const text = list ? oneLine(member, length / 2) : `${key}: ${oneLine(member, length / 2)}`;
    parts.push(text);
    used += text.length + 2;
    if (used > length) break;
  }
  return list ? `[${parts.join(", ")}]` : `{${parts.join(", ")}}`;
}

function cut(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length - 1)}…`;
}

/** Columns of a list of objects by first appearance; null: the value is not such a list. */
export function columnsOf(value: Json): string[] | null {
  if (!Array.isArray(value) || value.length === 0) return null;
  const columns = new Set<string>();
  for (const row of value.slice(0, 200)) {
    if (!isObject(row)) return null;
    for (const key of Object.keys(row)) if (columns.size < 50) columns.add(key);
  }
  return columns.size > 0 && value.every((row) => isObject(row)) ? [...columns] : null;
}

/** "text, 812 characters", "list, 12 items, 2.1 kB": the size of a value beside its name. */
export function sizeWords(value: Json, size?: number): string {
  const weight = size !== undefined && size >= 1000 ? `, ${bytes(size)}` : "";
  if (value === null) return `null${weight}`;
  if (typeof value === "object") return branchWords(value) + weight;
  if (typeof value === "string")
    return value.length > 80 ? `text, ${count(value.length, "character")}` : `text${weight}`;
  return (typeof value === "boolean" ? "yes/no" : "number") + weight;
}
