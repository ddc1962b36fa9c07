/** A value as a tree that opens branch by branch, as a table when it is a list of objects, or as plain text. */

import { Check, ChevronDown, ChevronRight, Copy } from "lucide-react";
import { useState } from "react";

import { branchWords, columnsOf } from "../model/preview";
import type { Json } from "../model/types";
import { JsonTable } from "./JsonTable";
import styles from "./JsonView.module.css";
import { useCopy } from "./useCopy";

/** Children shown at once; more come on demand, so that a list of 100,000 items opens as fast as one of ten. */
const PAGE = 100;

/** Texts up to this many characters are shown whole: inside a tree, and as a value of their own. */
const SHORT_TEXT = 300;
const SHORT_VALUE = 2000;

export function JsonView({ value }: { value: Json }) {
  const columns = columnsOf(value);
  const [asTable, setAsTable] = useState(true);
  const { copied, copy } = useCopy();
  return (
    <div className={styles.view}>
      <div className={styles.tools}>
        {columns && (
          <div className={styles.switch} role="group" aria-label="Show as">
            <Choice label="Table" on={asTable} choose={() => setAsTable(true)} />
            <Choice label="JSON" on={!asTable} choose={() => setAsTable(false)} />
          </div>
        )}
        <button
          type="button"
          className={styles.copy}
          aria-label={copied ? "Copied" : "Copy value"}
          title={copied ? "Copied" : "Copy value"}
          onClick={() => copy(typeof value === "string" ? value : JSON.stringify(value, null, 2))}
        >
          {copied ? <Check size={13} /> : <Copy size={13} />}
        </button>
      </div>
      {columns && asTable ? <JsonTable rows={value as Json[]} columns={columns} /> : <Tree value={value} />}
    </div>
  );
}

function Choice({ label, on, choose }: { label: string; on: boolean; choose: () => void }) {
  return (
    <button type="button" aria-pressed={on} onClick={choose}>
      {label}
    </button>
  );
}

function Tree({ value }: { value: Json }) {
  if (typeof value === "string") return <LongText text={value} bare />;
  if (value === null || typeof value !== "object") return <div className={styles.line}>{<Scalar value={value} />}</div>;
  const empty = Array.isArray(value) ? value.length === 0 : Object.keys(value).length === 0;
  return <div className={styles.tree}>{empty ? <Empty value={value} /> : <Members value={value} depth={0} />}</div>;
}

function Empty({ value }: { value: Json[] | Record<string, Json> }) {
  return <div className={styles.faint}>{Array.isArray(value) ? "[] an empty list" : "{} an empty object"}</div>;
}

function Members({ value, depth }: { value: Json[] | Record<string, Json>; depth: number }) {
  const [shown, setShown] = useState(PAGE);
  const keys = Array.isArray(value) ? null : Object.keys(value);
  const total = keys?.length ?? (value as Json[]).length;
  const visible = keys?.slice(0, shown) ?? Array.from({ length: Math.min(shown, total) }, (_, k) => String(k));
  return (
    <ul className={styles.members}>
      {visible.map((key) => (
        <Member
          key={key}
          name={key}
          value={(value as Record<string, Json>)[key] ?? null}
          depth={depth}
          open={depth === 0 && total <= 4}
        />
      ))}
      {total > shown && (
        <li>
          <button type="button" className={styles.more} onClick={() => setShown(shown + PAGE * 10)}>
            {(total - shown).toLocaleString("en")} more
          </button>
        </li>
      )}
    </ul>
  );
}

interface MemberProps {
  name: string;
  value: Json;
  depth: number;
  open: boolean;
}

function Member({ name, value, depth, open: initiallyOpen }: MemberProps) {
  const [open, setOpen] = useState(initiallyOpen);
  if (value === null || typeof value !== "object") {
    return (
      <li className={styles.line}>
        <span className={styles.key}>{name}</span>:{" "}
        {typeof value === "string" ? <LongText text={value} /> : <Scalar value={value} />}
      </li>
    );
  }
  const empty = Array.isArray(value) ? value.length === 0 : Object.keys(value).length === 0;
  if (empty) {
    return (
      <li className={styles.line}>
        <span className={styles.key}>{name}</span>:{" "}
        <span className={styles.faint}>{Array.isArray(value) ? "[]" : "{}"}</span>
      </li>
    );
  }
  return (
    <li>
      <button type="button" className={styles.branch} aria-expanded={open} onClick={() => setOpen(!open)}>
        {open ? <ChevronDown size={11} /> : <ChevronRight size={11} />}
        <span className={styles.key}>{name}</span> <span className={styles.faint}>{branchWords(value)}</span>
      </button>
      {open && <Members value={value} depth={depth + 1} />}
    </li>
  );
}

function Scalar({ value }: { value: null | boolean | number }) {
  return <span className={typeof value === "number" ? styles.number : styles.word}>{String(value)}</span>;
}

/** A text with quotes inside a tree, without as a whole value; long ones open on demand. */
function LongText({ text, bare = false }: { text: string; bare?: boolean }) {
  const [whole, setWhole] = useState(false);
  const most = bare ? SHORT_VALUE : SHORT_TEXT;
  const long = text.length > most;
  const shown = long && !whole ? `${text.slice(0, most)}…` : text;
  return (
    <>
      <span className={bare ? styles.plain : styles.text}>{bare ? shown || " " : `"${shown}"`}</span>
      {bare && text === "" && <span className={styles.faint}>an empty text</span>}
      {long && (
        <button type="button" className={styles.more} aria-expanded={whole} onClick={() => setWhole(!whole)}>
          {whole ? "Show less" : `Show all ${text.length.toLocaleString("en")} characters`}
        </button>
      )}
    </>
  );
}
