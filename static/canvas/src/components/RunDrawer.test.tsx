import { act, render, screen, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, test } from "vitest";

import { applyRows } from "../live";
import { useStore } from "../store";
import { execution, nodeRow, resetStore } from "../testing/store";
import { RunDrawer } from "./RunDrawer";

const over = execution({ status: "completed", ended_at: "2026-11-23T10:00:01.100000Z" });

function line(name: RegExp) {
  return screen.getByRole("option", { name });
}

test("each node has a line with its time, in the order of the data", () => {
  resetStore({
    execution: over,
    rows: [nodeRow("join", { started_at: "2026-11-23T10:00:00.299Z" }), nodeRow("split")],
  });
  render(<RunDrawer />);
  const lines = within(screen.getByRole("listbox", { name: "Timeline" })).getAllByRole("option");
  expect(lines.map((one) => one.textContent)).toEqual(["Split100 msDone", "Join1 msDone"]);
});

test("a skipped node says why, an unreached one that it was not reached", () => {
  const skipped = nodeRow("split", { status: "skipped", started_at: null, error: { message: "“text” stayed empty" } });
  resetStore({ execution: over, rows: [skipped] });
  render(<RunDrawer />);
  expect(line(/Split/)).toHaveTextContent("Skipped: “text” stayed empty");
  expect(line(/Join/)).toHaveTextContent("not reached");
});

test("selecting a line selects its node", async () => {
  resetStore({ execution: over, rows: [nodeRow("split")] });
  render(<RunDrawer />);
  await userEvent.click(line(/Join/));
  expect(useStore.getState().ui.selection.nodes).toEqual(["join"]);
});

test("arrows walk through the lines", async () => {
  resetStore({ execution: over });
  render(<RunDrawer />);
  screen.getByRole("listbox").focus();
  await userEvent.keyboard("{ArrowDown}{ArrowDown}");
  expect(useStore.getState().ui.selection.nodes).toEqual(["join"]);
});

test("a line follows its node's rows", async () => {
  resetStore({ execution: execution(), rows: [nodeRow("split", { status: "running", ended_at: null })] });
  render(<RunDrawer />);
  act(() => applyRows([nodeRow("split", { seq: 2, status: "failed", error: { message: "No" } })]));
  await screen.findByRole("img", { name: "Failed" });
});

test("ten thousand rows make one line and few elements", () => {
  const rows = Array.from({ length: 10_000 }, (_, k) => nodeRow("split", { id: String(k), path: [k], seq: k + 1 }));
  resetStore({ execution: over, rows });
  const { container } = render(<RunDrawer />);
  expect(line(/Split/)).toHaveTextContent("10,000 items, 100 ms");
  expect(container.querySelectorAll("*").length).toBeLessThan(400);
});

test("events tell the run in order", async () => {
  resetStore({ execution: over, rows: [nodeRow("split")], ui: { drawerTab: "events" } });
  render(<RunDrawer />);
  const lines = within(await screen.findByRole("log")).getAllByRole("button");
  expect(lines.map((one) => one.title)).toEqual([
    "Asked for by manual",
    "Run started",
    "started",
    "done in 100 ms",
    "Run done",
  ]);
});

test("inputs and outputs of the run are shown", () => {
  resetStore({ execution: over, ui: { drawerTab: "data" } });
  useStore.setState((state) => ({
    run: { ...state.run, detail: { ...over, cost_below: null, inputs: { city: "Ulm" }, outputs: { report: "Sunny" } } },
  }));
  render(<RunDrawer />);
  expect(screen.getByText("Ulm")).toBeVisible();
  expect(screen.getByText("Sunny")).toBeVisible();
});

test("tabs are walked with arrows", async () => {
  resetStore({ execution: over });
  render(<RunDrawer />);
  screen.getByRole("tab", { name: "Timeline" }).focus();
  await userEvent.keyboard("{ArrowRight}");
  expect(screen.getByRole("tab", { name: "Data" })).toHaveFocus();
});

test("failures, waits and skips are counted beside the status", () => {
  resetStore({
    execution: execution({ status: "waiting", counts: { completed: 3, handled: 1, waiting: 2, skipped: 4 } }),
  });
  render(<RunDrawer />);
  for (const words of ["1 handled", "2 waiting", "4 skipped"]) expect(screen.getByText(words)).toBeVisible();
  expect(screen.queryByText(/failed/)).toBeNull();
});

test("the runs that a run has to do with are a press away", () => {
  resetStore({ execution: { ...over, parent: "above", retry_of: "before" } });
  render(<RunDrawer />);
  const addresses = ["Started by another run", "Goes on from another run"].map((name) =>
    screen.getByRole("link", { name }).getAttribute("href"),
  );
  expect(addresses.map((address) => address?.split("/").at(-2))).toEqual(["above", "before"]);
});
