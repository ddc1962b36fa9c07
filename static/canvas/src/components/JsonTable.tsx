/** A list of objects as a table; only the rows in sight are in the page. */

import { useRef } from "react";

import { oneLine } from "../model/preview";
import type { Json } from "../model/types";
import styles from "./JsonTable.module.css";
import { useWindow } from "./useWindow";

const ROW = 26;

export function JsonTable({ rows, columns }: { rows: readonly Json[]; columns: readonly string[] }) {
  const ref = useRef<HTMLDivElement>(null);
  const seen = useWindow(ref, rows.length, ROW, ROW);
  const visible = rows.slice(seen.first, seen.end);
  return (
    <div ref={ref} className={styles.scroller} onScroll={seen.onScroll} tabIndex={0} role="region" aria-label="Table">
      <table className={styles.table} aria-rowcount={rows.length + 1}>
        <thead>
          <tr>
            <th scope="col">#</th>
            {columns.map((column) => (
              <th key={column} scope="col">
                {column}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          <Gap height={seen.first * ROW} />
          {visible.map((row, offset) => (
            <tr key={seen.first + offset} aria-rowindex={seen.first + offset + 2}>
              <th scope="row" className="num">
                {seen.first + offset}
              </th>
              {columns.map((column) => (
                <Cell key={column} value={(row as Record<string, Json | undefined>)[column]} />
              ))}
            </tr>
          ))}
          <Gap height={(rows.length - seen.end) * ROW} />
        </tbody>
      </table>
    </div>
  );
}

/** Stands for the rows that are not in sight. */
function Gap({ height }: { height: number }) {
  return height > 0 ? (
    <tr aria-hidden="true">
      <td className={styles.gap} style={{ height }} />
    </tr>
  ) : null;
}

function Cell({ value }: { value: Json | undefined }) {
  if (value === undefined) return <td className={styles.absent} />;
  const text = typeof value === "string" ? value : oneLine(value);
  const kind = typeof value === "number" ? `${styles.number ?? ""} num` : value === null ? styles.absent : undefined;
  return (
    <td className={kind} title={text}>
      {text.slice(0, 200)}
    </td>
  );
}
