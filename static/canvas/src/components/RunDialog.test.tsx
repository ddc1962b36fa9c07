import { render, screen, waitFor } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { beforeEach, expect, test, vi } from "vitest";

import { EMPTY_SPEC } from "../model/graph";
import type { GraphSpec, JsonObject } from "../model/types";
import type { StartOptions } from "../state";
import { useStore } from "../store";
import { execution, resetStore } from "../testing/store";
import { RunDialog } from "./RunDialog";

const spec: GraphSpec = {
  ...EMPTY_SPEC,
  name: "Weather",
  nodes: [
    { key: "city", block: "io.input", config: { name: "city", type: "text", required: true } },
    { key: "days", block: "io.input", config: { name: "days", type: "integer", default: 3 } },
  ],
};

beforeEach(() => {
  localStorage.clear();
  // happy-dom knows no modal dialogs.
  HTMLDialogElement.prototype.showModal = function showModal(this: HTMLDialogElement) {
    this.open = true;
  };
});

function open(
  start: (inputs: JsonObject, options?: StartOptions) => Promise<boolean> = () => Promise.resolve(true),
  setup: Parameters<typeof resetStore>[0] = {},
) {
  resetStore({ spec, ...setup, ui: { runDialogOpen: true } });
  const startRun = vi.fn(start);
  useStore.setState((state) => ({ actions: { ...state.actions, startRun } }));
  render(<RunDialog />);
  return startRun;
}

test("given inputs start the run and are closed away", async () => {
  const startRun = open();
  await userEvent.type(screen.getByLabelText("city"), "Ulm");
  await userEvent.click(screen.getByRole("button", { name: "Start run" }));
  expect(startRun).toHaveBeenCalledWith({ city: "Ulm" }, {});
  await waitFor(() => expect(useStore.getState().ui.runDialogOpen).toBe(false));
});

test("Ctrl+Enter starts", async () => {
  const startRun = open();
  await userEvent.type(screen.getByLabelText("city"), "Ulm{Control>}{Enter}{/Control}");
  expect(startRun).toHaveBeenCalledTimes(1);
});

test("a missing input is told and nothing starts", async () => {
  const startRun = open();
  await userEvent.click(screen.getByRole("button", { name: "Start run" }));
  expect(startRun).not.toHaveBeenCalled();
  expect(screen.getByText("city is needed.")).toBeVisible();
});

test("a text that is no number starts nothing", async () => {
  const startRun = open();
  await userEvent.type(screen.getByLabelText("city"), "Ulm");
  await userEvent.type(screen.getByLabelText("days"), "soon");
  await userEvent.click(screen.getByRole("button", { name: "Start run" }));
  expect(startRun).not.toHaveBeenCalled();
  await userEvent.clear(screen.getByLabelText("days"));
});

test("the values of the last run are there again", async () => {
  open();
  await userEvent.type(screen.getByLabelText("city"), "Ulm");
  await userEvent.click(screen.getByRole("button", { name: "Start run" }));
  await waitFor(() => expect(useStore.getState().ui.runDialogOpen).toBe(false));
  open();
  expect(screen.getAllByLabelText("city").at(-1)).toHaveValue("Ulm");
});

test("what the server refuses stands at its field", async () => {
  open(() => {
    const errors = [
      { pointer: "#/inputs/city", detail: "No such city." },
      { pointer: "#/nodes/1", detail: "Something is not linked." },
    ];
    const startProblem = { type: "", title: "Not started", status: 422, detail: "", errors };
    useStore.setState((state) => ({ ui: { ...state.ui, startProblem } }));
    return Promise.resolve(false);
  });
  await userEvent.type(screen.getByLabelText("city"), "Nowhere");
  await userEvent.click(screen.getByRole("button", { name: "Start run" }));
  expect(await screen.findByText("No such city.")).toBeVisible();
  expect(screen.getByText("Something is not linked.")).toBeVisible();
});

test("pinned data and what the last run gave are chosen by switches", async () => {
  const pinned: GraphSpec = {
    ...EMPTY_SPEC,
    nodes: [{ key: "a", block: "text.split", config: {}, pinned: { parts: [] } }],
  };
  const startRun = open(undefined, { spec: pinned, execution: execution({ id: "run-1", status: "failed" }) });
  await userEvent.click(screen.getByRole("switch", { name: /1 node uses pinned data/ }));
  await userEvent.click(screen.getByRole("switch", { name: /Run only what changed/ }));
  await userEvent.click(screen.getByRole("button", { name: "Start run" }));
  expect(startRun).toHaveBeenCalledWith({}, { keep: "run-1", pins: false });
});
