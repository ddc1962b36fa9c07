import { ReactFlowProvider } from "@xyflow/react";
import { act, render, screen, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, test } from "vitest";

import { applyRows } from "../live";
import { useStore } from "../store";
import { execution, nodeRow, resetStore, smallSpec } from "../testing/store";
import { Canvas } from "./Canvas";

function draw(): void {
  render(
    <ReactFlowProvider>
      <Canvas />
    </ReactFlowProvider>,
  );
}

function node(key: string): HTMLElement {
  const found = document.querySelector<HTMLElement>(`[data-key=${key}]`);
  if (!found) throw new Error(`no node ${key}`);
  return found;
}

const frame = () => act(() => new Promise((done) => requestAnimationFrame(done)));

test("a node shows what it is, its ports and its constants", () => {
  resetStore();
  draw();
  expect(node("split")).toHaveTextContent("Split");
  expect(node("split")).toHaveTextContent("separator");
  expect(node("split")).toHaveTextContent("a,b");
});

test("an unknown block keeps its place and its linked ports", () => {
  resetStore({ blocks: [] });
  draw();
  expect(node("join")).toHaveTextContent("text.join is not installed");
  expect(node("join")).toHaveTextContent("items");
});

test("a problem stands on its node", () => {
  const problem = {
    code: "missing",
    pointer: "#/nodes/1",
    detail: "Needs items.",
    link: null,
    severity: "error",
  } as const;
  resetStore({ problems: [{ ...problem, node: "join" }] });
  draw();
  expect(node("join")).toHaveTextContent("Needs items.");
});

test("status comes live, in words, with the items of a loop", async () => {
  resetStore({ execution: execution() });
  draw();
  applyRows([nodeRow("split", { path: [0] }), nodeRow("split", { path: [1], status: "running", seq: 2 })]);
  await frame();
  expect(node("split").dataset.status).toBe("running");
  expect(node("split")).toHaveTextContent("Running");
  expect(node("split")).toHaveTextContent("1 of 2 items");
});

test("a failure says what went wrong", async () => {
  resetStore({ execution: execution() });
  draw();
  applyRows([nodeRow("split", { status: "failed", error: { message: "No such file." } })]);
  await frame();
  expect(node("split")).toHaveTextContent("No such file.");
});

test("an empty graph says how to begin", () => {
  resetStore({ spec: { ...smallSpec, nodes: [], links: [] } });
  draw();
  expect(screen.getByText("Start with a block")).toBeInTheDocument();
});

test("Delete removes the selected node and its links, Ctrl+Z brings them back", async () => {
  const user = userEvent.setup();
  resetStore({ ui: { selection: { nodes: ["split"], links: [], notes: [] } } });
  draw();
  await user.keyboard("{Delete}");
  expect(useStore.getState().graph.spec.nodes.map((one) => one.key)).toEqual(["join"]);
  await user.keyboard("{Control>}z{/Control}");
  expect(useStore.getState().graph.spec.links).toEqual(smallSpec.links);
});

test("keys do nothing to a graph one may only look at", async () => {
  const user = userEvent.setup();
  resetStore({ role: "viewer", ui: { selection: { nodes: ["split"], links: [], notes: [] } } });
  draw();
  await user.keyboard("{Delete}{Control>}d{/Control}");
  expect(useStore.getState().graph.spec).toBe(smallSpec);
});

test("two nodes are linked by keyboard", async () => {
  const user = userEvent.setup();
  resetStore({
    spec: { ...smallSpec, links: [] },
    ui: { selection: { nodes: ["split"], links: [], notes: [] } },
  });
  draw();
  await user.keyboard("c");
  await user.keyboard("parts{Enter}");
  await user.keyboard("items{Enter}");
  expect(useStore.getState().graph.spec.links).toEqual(smallSpec.links);
});

test("a block found for a loose link is added and linked in one step", async () => {
  const user = userEvent.setup();
  resetStore({
    ui: { finder: { kind: "add", at: [600, 0], screen: [0, 0], from: { key: "join", port: "text", side: "source" } } },
  });
  draw();
  await user.keyboard("split{Enter}");
  const { spec, undo } = useStore.getState().graph;
  expect(spec.links.at(-1)).toEqual({ source: "join", source_port: "text", sink: "split_2", sink_port: "text" });
  expect(undo).toHaveLength(1);
});

test("the selected node offers what can be done with it", () => {
  resetStore({ ui: { selection: { nodes: ["split"], links: [], notes: [] } } });
  draw();
  expect(within(node("split")).getByRole("button", { name: "Duplicate" })).toBeInTheDocument();
});
