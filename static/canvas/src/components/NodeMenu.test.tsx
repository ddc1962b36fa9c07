import { render, screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, test, vi } from "vitest";

import type { RetryChoice } from "../model/rerun";
import { actions, useStore } from "../store";
import { execution, nodeRow, resetStore } from "../testing/store";
import { NodeMenu } from "./NodeMenu";

function open(setup: Parameters<typeof resetStore>[0] = {}) {
  resetStore(setup);
  const retry = vi.fn<(choice: RetryChoice) => Promise<null>>(() => Promise.resolve(null));
  useStore.setState((state) => ({ actions: { ...state.actions, retry } }));
  actions().selectNode("split");
  actions().setNodeMenu({ key: "split", at: [0, 0] });
  render(<NodeMenu />);
  return retry;
}

const over = { execution: execution({ status: "failed" }), rows: [nodeRow("split", { status: "failed" })] };

test("a node is run again from here by keyboard", async () => {
  const retry = open(over);
  expect(screen.getByRole("menuitem", { name: /Run this node/ })).toHaveFocus();
  await userEvent.keyboard("{ArrowDown}{Enter}");
  expect(retry).toHaveBeenCalledWith({ from: ["split"] });
  expect(screen.queryByRole("menu")).toBeNull();
});

test("without a run it says why nothing can be run again", async () => {
  const retry = open();
  const item = screen.getByRole("menuitem", { name: /Run from here/ });
  expect(item).toHaveAttribute("aria-disabled", "true");
  expect(item).toHaveAttribute("title", expect.stringContaining("Run the graph once"));
  await userEvent.click(item);
  expect(retry).not.toHaveBeenCalled();
});

test("who may only run draws nothing", () => {
  open({ ...over, role: "runner" });
  expect(screen.getAllByRole("menuitem").map((item) => item.textContent)).toEqual([
    "Run this node…R",
    "Run from hereShift R",
    "Run up to here",
    "Retry from the failed nodes",
  ]);
});

test("Escape closes and the next node is chosen by a new menu", async () => {
  open(over);
  await userEvent.keyboard("{Escape}");
  expect(useStore.getState().ui.nodeMenu).toBeNull();
});
