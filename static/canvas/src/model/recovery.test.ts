import { expect, test } from "vitest";

import { nodeRow } from "../testing/store";
import { clock } from "./format";
import { gaps, heldUpAdvice, interruptedWords, recoveryWords } from "./recovery";
import type { RunNote } from "./types";

const at = (second: number): string => `2026-11-23T12:03:${String(second).padStart(2, "0")}Z`;
const note = (second: number, kind: string): RunNote => ({ at: at(second), kind, text: kind });

test("a lost and resumed worker is told with both times, in the reader's time zone", () => {
  expect(recoveryWords([note(11, "worker_lost"), note(18, "resumed")])).toBe(
    `Worker lost ${clock(at(11))}, resumed ${clock(at(18))}`,
  );
});

test("a worker is lost since its last sign of life, not since that was noticed", () => {
  expect(recoveryWords([{ ...note(18, "worker_lost"), since: at(10) }, note(19, "resumed")])).toBe(
    `Worker lost ${clock(at(10))}, resumed ${clock(at(19))}`,
  );
});

test("as long as nobody goes on no time of that is told", () => {
  expect(recoveryWords([note(11, "worker_lost")])).toBe(`Worker lost ${clock(at(11))}`);
});

test("of several lost workers the last is told; one that was stopped in order is none of them", () => {
  const notes = [
    note(1, "worker_lost"),
    note(2, "resumed"),
    note(3, "handed_over"),
    note(4, "resumed"),
    note(5, "worker_lost"),
    note(9, "resumed"),
  ];
  expect(recoveryWords(notes)).toBe(`2 workers lost, the last ${clock(at(5))}, resumed ${clock(at(9))}`);
  expect(recoveryWords([note(3, "handed_over"), note(4, "resumed")])).toBe("");
  expect(gaps(notes).map((gap) => gap.lost)).toEqual([true, false, true]);
});

test("a node that a lost worker cut short says so, a node that failed before does not", () => {
  const notes = [note(11, "worker_lost"), note(18, "resumed")];
  const row = nodeRow("a", { attempt: 2, interrupted: 1, started_at: at(10), ended_at: at(20) });
  expect(interruptedWords(row, notes)).toBe(`Tried again, attempt 2: its worker was lost at ${clock(at(11))}.`);
  expect(interruptedWords({ ...row, interrupted: 0 }, notes)).toBe("");
});

test("when the events no longer tell the time, the reason stays", () => {
  const row = nodeRow("a", { attempt: 4, interrupted: 2 });
  expect(interruptedWords(row, [])).toBe("Tried again, attempt 4: its worker was lost or stopped, 2 times in all.");
});

test("advice is given only for what does not mend itself", () => {
  expect(heldUpAdvice("no_worker")?.command).toBe("manage.py rqworker");
  expect(heldUpAdvice("no_nodes_worker")?.command).toBe("manage.py rqworker nodes");
  expect(heldUpAdvice("worker_lost")).toBeNull();
});
