import { render, screen } from "@testing-library/react";
import { expect, test } from "vitest";

import { clock } from "../model/format";
import type { HeldUp, RunNote } from "../model/types";
import { execution, nodeRow, resetStore } from "../testing/store";
import { Banner } from "./Banner";
import { RunDrawer } from "./RunDrawer";
import { RunPill } from "./RunPill";

const LOST = "2026-11-23T10:00:11Z";
const RESUMED = "2026-11-23T10:00:18Z";
const lost: RunNote = { at: LOST, kind: "worker_lost", text: "Worker a was lost" };
const events = [lost, { at: RESUMED, kind: "resumed", text: "Resumed on worker b" }];

test("the drawer tells when the worker was lost and when another went on", () => {
  resetStore({ execution: execution(), run: { events }, rows: [nodeRow("split")], ui: { drawerTab: "events" } });
  render(<RunDrawer />);
  expect(screen.getByText(`Worker lost ${clock(LOST)}, resumed ${clock(RESUMED)}`)).toBeVisible();
});

test("a run that nobody goes on with yet says that somebody will", () => {
  const run = { events: [lost], heldUpBy: "worker_lost" as const };
  resetStore({ execution: execution({ status: "queued" }), run });
  render(<RunPill />);
  expect(screen.getByRole("status")).toHaveTextContent("Worker lost; another one goes on within seconds");
});

test.each<[HeldUp, string]>([
  ["no_worker", "manage.py rqworker"],
  ["no_nodes_worker", "manage.py rqworker nodes"],
])("%s: the page says what to do", (heldUpBy, command) => {
  resetStore({ execution: execution({ status: "queued" }), run: { heldUpBy } });
  render(<Banner login="/login/" editor="/" />);
  expect(screen.getByRole("alert")).toHaveTextContent(command);
});

test("what mends itself needs no banner", () => {
  resetStore({ execution: execution(), run: { heldUpBy: "worker_silent" } });
  render(<Banner login="/login/" editor="/" />);
  expect(screen.queryByRole("alert")).toBeNull();
});
