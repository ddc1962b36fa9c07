import { render, screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, test } from "vitest";

import { useStore } from "../store";
import { execution, resetStore, smallSpec } from "../testing/store";
import { TopBar } from "./TopBar";

const draw = () => render(<TopBar home="/" graphs="/graphs/" />);

test("the graph is renamed in place", async () => {
  const user = userEvent.setup();
  resetStore();
  draw();
  const name = screen.getByRole("textbox", { name: "Graph name" });
  await user.clear(name);
  await user.type(name, "Large{Enter}");
  expect(useStore.getState().graph.spec.name).toBe("Large");
});

test("Cancel is there only while a run is live", () => {
  resetStore({ execution: execution({ status: "completed" }) });
  const { rerender } = draw();
  expect(screen.queryByRole("button", { name: "Cancel" })).toBeNull();
  resetStore({ execution: execution({ status: "running" }) });
  rerender(<TopBar home="/" graphs="/graphs/" />);
  expect(screen.getByRole("button", { name: "Cancel" })).toBeEnabled();
});

test("Run asks for inputs when the graph has any", async () => {
  const user = userEvent.setup();
  resetStore({ spec: { ...smallSpec, nodes: [{ key: "in", block: "io.input", config: { name: "x" } }], links: [] } });
  draw();
  await user.click(screen.getByRole("button", { name: "Run" }));
  expect(useStore.getState().ui.runDialogOpen).toBe(true);
});

test("a viewer reads and cannot run", () => {
  resetStore({ role: "viewer" });
  draw();
  expect(screen.getByText("Read only")).toBeInTheDocument();
  expect(screen.queryByRole("button", { name: "Run" })).toBeNull();
});

test("the theme switches and is remembered", async () => {
  const user = userEvent.setup();
  resetStore();
  draw();
  await user.click(screen.getByRole("button", { name: /theme/ }));
  expect(document.documentElement.dataset.theme).toBe(useStore.getState().ui.theme);
  expect(localStorage.getItem("agentflow.theme")).toBe(useStore.getState().ui.theme);
});
