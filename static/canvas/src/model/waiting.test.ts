import { expect, test } from "vitest";

import { nodeRow } from "../testing/store";
import type { Waiting } from "./types";
import { asksPerson, tellingWait, waitingWords } from "./waiting";

const now = new Date(2026, 10, 23, 12, 0, 0).getTime();
const at = (seconds: number): string => new Date(now + seconds * 1000).toISOString();

test.each<[Waiting, string]>([
  [{ for: "timer", until: at(180) }, "waits until 12:03"],
  [{ for: "timer", until: at(20) }, "waits until 12:00:20"],
  [{ for: "retry", until: at(2.4) }, "next try in 3 s"],
  [{ for: "retry", until: at(-1) }, "next try now"],
  [{ for: "retry", until: at(90) }, "next try in 1 min 30 s"],
  [{ for: "approval", approval: "1" }, "waits for a decision"],
  [{ for: "graph", child: "1" }, "runs another graph"],
])("%j: %s", (waiting, words) => {
  expect(waitingWords(waiting, now)).toBe(words);
});

test("the graph that is run is named", () => {
  expect(waitingWords({ for: "graph" }, now, "Invoices")).toBe("runs graph Invoices");
});

test("a question to people is told before timers", () => {
  const timer = nodeRow("a", { status: "waiting", waiting: { for: "timer", until: at(1) } });
  const later = nodeRow("a", { status: "waiting", waiting: { for: "timer", until: at(9) } });
  const question = nodeRow("a", { status: "waiting", waiting: { for: "outcome", approval: "7" } });
  expect(tellingWait([later, timer])).toEqual(timer.waiting);
  expect(tellingWait([later, timer, question])).toEqual(question.waiting);
});

test("only a run that still waits asks", () => {
  const waiting: Waiting = { for: "approval", approval: "7" };
  expect(asksPerson(nodeRow("a", { status: "waiting", waiting }))).toBe(true);
  expect(asksPerson(nodeRow("a", { status: "completed", waiting }))).toBe(false);
});
