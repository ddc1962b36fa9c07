/** Chooses among the runs of a node: one item of ten thousand is three keystrokes away. */

import { ChevronLeft, ChevronRight, List } from "lucide-react";
import { useEffect, useMemo, useRef, useState } from "react";

import { duration } from "../../model/format";
import { itemName, rowTime, statusWord } from "../../model/run";
import type { NodeRow } from "../../model/types";
import { actions } from "../../store";
import { IconButton } from "../Button";
import styles from "../Inspector.module.css";
import { StatusMark } from "../StatusBadge";
import { useWindow } from "../useWindow";

const ROW = 26;

export function RowPicker({ rows, row }: { rows: readonly NodeRow[]; row: NodeRow }) {
  const [onlyFailed, setOnlyFailed] = useState(false);
  const [open, setOpen] = useState(false);
  const failed = useMemo(() => rows.filter((one) => one.status === "failed"), [rows]);
  const shown = onlyFailed && failed.length > 0 ? failed : rows;
  const index = shown.findIndex((one) => one.id === row.id);
  const pick = (at: number): void => {
    const chosen = shown[Math.min(Math.max(at, 0), shown.length - 1)];
    if (chosen) actions().selectNode(chosen.node, chosen.id);
  };
  const filter = (): void => {
    setOnlyFailed(!onlyFailed);
    const [first] = failed;
    if (!onlyFailed && row.status !== "failed" && first) actions().selectNode(first.node, first.id);
  };
  return (
    <div className={styles.picker} role="group" aria-label="Item">
      <div className={styles.pickerRow}>
        <IconButton label="Previous item" disabled={index <= 0} onClick={() => pick(index - 1)}>
          <ChevronLeft size={15} />
        </IconButton>
        <Position key={row.id} index={index} total={shown.length} pick={pick} />
        <IconButton label="Next item" disabled={index >= shown.length - 1} onClick={() => pick(index + 1)}>
          <ChevronRight size={15} />
        </IconButton>
        <span className={styles.space} />
        {failed.length > 0 && (
          <button type="button" className={styles.filter} aria-pressed={onlyFailed} onClick={filter}>
            <StatusMark status="failed" size={12} label="" /> {failed.length.toLocaleString("en")} failed
          </button>
        )}
        <IconButton label="List of items" pressed={open} onClick={() => setOpen(!open)}>
          <List size={15} />
        </IconButton>
      </div>
      {open && <RowList rows={shown} chosen={index} pick={pick} />}
    </div>
  );
}

function Position({ index, total, pick }: { index: number; total: number; pick: (index: number) => void }) {
  const [text, setText] = useState(String(index + 1));
  const go = (): void => {
    const wanted = Number(text);
    if (Number.isInteger(wanted) && wanted > 0) pick(wanted - 1);
    else setText(String(index + 1));
  };
  return (
    <label className={`${styles.position ?? ""} num`}>
      <input
        aria-label="Item number"
        inputMode="numeric"
        value={text}
        style={{ width: `${Math.max(2, String(total).length) + 1.6}ch` }}
        onChange={(event) => setText(event.target.value)}
        onBlur={go}
        onKeyDown={(event) => {
          if (event.key === "Enter") go();
        }}
      />
      of {total.toLocaleString("en")}
    </label>
  );
}

function RowList({ rows, chosen, pick }: { rows: readonly NodeRow[]; chosen: number; pick: (index: number) => void }) {
  const ref = useRef<HTMLUListElement>(null);
  const seen = useWindow(ref, rows.length, ROW);
  const { reveal } = seen;
  useEffect(() => reveal(chosen), [chosen, reveal]);
  return (
    <ul
      ref={ref}
      className={styles.rowList}
      onScroll={seen.onScroll}
      style={{ height: Math.min(rows.length, 6) * ROW + 2 }}
    >
      <li aria-hidden="true" style={{ height: seen.first * ROW }} />
      {rows.slice(seen.first, seen.end).map((row, offset) => (
        <li key={row.id}>
          <button type="button" aria-current={seen.first + offset === chosen} onClick={() => pick(seen.first + offset)}>
            <StatusMark status={row.status} handled={row.handled} size={13} label="" />
            <span>{itemName(row)}</span>
            <small className="num">{rowWords(row)}</small>
          </button>
        </li>
      ))}
      <li aria-hidden="true" style={{ height: (rows.length - seen.end) * ROW }} />
    </ul>
  );
}

function rowWords(row: NodeRow): string {
  const took = row.ended_at === null ? null : rowTime(row, 0);
  const word = statusWord(row.status, row.handled);
  return took === null ? word : `${word}, ${duration(took)}`;
}
