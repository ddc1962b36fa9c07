/** When a run started, how long it took and waited, which attempt it was; `named`: which item it is. */

import { clock, dollars, duration } from "../../model/format";
import { attemptWords, instant, itemName, rowTime, statusWord } from "../../model/run";
import type { NodeRow } from "../../model/types";
import { usageWords } from "../../model/usage";
import styles from "../Inspector.module.css";
import { Origin } from "../Origin";
import { StatusMark } from "../StatusBadge";
import { useNow } from "../useNow";

export function RowFacts({ row, named }: { row: NodeRow; named: boolean }) {
  const now = useNow(row.ended_at === null && row.started_at !== null ? 200 : 0);
  const took = rowTime(row, now);
  const queued = instant(row.queued_at);
  const started = instant(row.started_at);
  const wait = queued !== null && started !== null ? started - queued : 0;
  const words = [
    took === null ? "" : duration(took),
    row.attempt > 1 ? attemptWords(row) : "",
    wait >= 100 ? `waited ${duration(wait)}` : "",
    row.started_at ? `at ${clock(row.started_at)}` : "",
    usageWords(row.usage),
    row.cost === null ? "" : `cost ${dollars(row.cost)}`,
  ];
  return (
    <p className={`${styles.rowFacts ?? ""} num`}>
      <StatusMark status={row.status} handled={row.handled} size={14} label="" />
      <b>
        {named && `${itemName(row)}: `}
        {statusWord(row.status, row.handled)}
      </b>
      <span>{words.filter((word) => word !== "").join(", ")}</span>
      {row.pinned ? <Origin kind="pinned" /> : row.reused && <Origin kind="reused" />}
    </p>
  );
}
