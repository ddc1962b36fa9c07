import { act, render, screen, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { beforeEach, expect, test, vi } from "vitest";

import { api } from "../api/client";
import { applyRows } from "../live";
import type { NodeRowDetail } from "../model/types";
import { actions, useStore } from "../store";
import { block, execution, join, nodeRow, port, resetStore, smallSpec, split } from "../testing/store";
import { Inspector } from "./Inspector";

const typed = block("text.split", {
  ...split,
  description: "Split text on a separator.",
  examples: [{ title: "", input: { text: "a,b" }, output: { parts: ["a", "b"] } }],
  config_schema: {
    type: "object",
    required: ["text"],
    properties: {
      text: { type: "string", title: "Text" },
      separator: { type: "string", title: "Separator", default: ",", description: "Where to cut." },
    },
  },
});
const typedJoin = block("text.join", {
  ...join,
  inputs: [port("items", { type: "array" }, { required: true })],
  config_schema: { type: "object", required: ["items"], properties: { items: { type: "array", items: {} } } },
});
const blocks = [typed, typedJoin];

function show(key: string, more: Parameters<typeof resetStore>[0] = {}) {
  resetStore({ blocks, ...more });
  actions().selectNode(key);
  return render(<Inspector />);
}

beforeEach(() => {
  localStorage.clear();
  vi.spyOn(api, "edit").mockImplementation(() => new Promise(() => undefined));
});

function config(key: string) {
  return useStore.getState().graph.spec.nodes.find((node) => node.key === key)?.config;
}

test("the form shows the block's fields and sets them", async () => {
  show("split");
  await userEvent.type(screen.getByLabelText("Separator"), ";");
  expect(config("split")).toEqual({ text: "a,b", separator: ";" });
});

test("a field goes back to its default", async () => {
  show("split");
  await userEvent.type(screen.getByLabelText("Separator"), ";");
  await userEvent.click(screen.getByRole("button", { name: /reset separator/i }));
  expect(config("split")).toEqual({ text: "a,b" });
});

test("a linked field names its source and can be unlinked", async () => {
  show("join");
  expect(screen.getByText("Split")).toBeVisible();
  await userEvent.click(screen.getByRole("button", { name: "Unlink Split" }));
  expect(useStore.getState().graph.spec.links).toEqual([]);
});

test("problems stand at their field, the others above", () => {
  const problem = { code: "x", link: null, severity: "error" as const, node: "split" };
  show("split", {
    problems: [
      { ...problem, pointer: "#/nodes/0/config/text", detail: "Text is missing." },
      { ...problem, pointer: "#/nodes/0", detail: "Something else." },
    ],
  });
  const field = screen.getByLabelText("Text").closest<HTMLElement>("[data-field]") ?? document.body;
  expect(within(field).getByText("Text is missing.")).toBeVisible();
  expect(screen.getAllByText(/missing|Something/)).toHaveLength(2);
});

test("the title is edited in place", async () => {
  show("split");
  await userEvent.type(screen.getByLabelText("Title"), "Cut");
  expect(useStore.getState().graph.spec.nodes[0]?.title).toBe("Cut");
});

test("retries are set as policy", async () => {
  show("split");
  await userEvent.click(screen.getByText("Reliability"));
  await userEvent.type(screen.getByLabelText("Retries"), "3");
  expect(useStore.getState().graph.spec.nodes[0]?.policy).toEqual({ retries: 3 });
});

test("a viewer cannot change anything", () => {
  show("split", { role: "viewer" });
  expect(screen.getByLabelText("Separator")).toBeDisabled();
});

test("an unknown block keeps its config", () => {
  show("split", { blocks: [typedJoin] });
  expect(screen.getByText(/not installed/)).toBeVisible();
  expect(screen.getByLabelText("text")).toHaveValue("a,b");
});

function detail(row: ReturnType<typeof nodeRow>, more: Partial<NodeRowDetail> = {}): NodeRowDetail {
  return { ...row, inputs: {}, outputs: [], log: [], ...more };
}

function answerWith(more: (id: string) => Partial<NodeRowDetail>) {
  return vi.spyOn(api, "nodeRow").mockImplementation((_, id) => {
    return Promise.resolve({ ok: true, data: detail(nodeRow("split", { id }), more(id)) });
  });
}

test("inputs of the run are read when their tab is opened", async () => {
  answerWith(() => ({ inputs: { text: "a,b" } }));
  show("split", { execution: execution({ id: "run-1" }), rows: [nodeRow("split")] });
  await userEvent.click(screen.getByRole("tab", { name: /Input/ }));
  expect(await screen.findByText("a,b")).toBeVisible();
});

test("an error comes first, in words", async () => {
  answerWith(() => ({}));
  const failed = nodeRow("split", { status: "failed", attempt: 3, error: { message: "No separator." } });
  show("split", { execution: execution({ id: "run-2" }), rows: [failed], ui: { inspectorTab: "output" } });
  expect(await screen.findByText("No separator.")).toBeVisible();
  expect(screen.getByText(/Tried 3 times/)).toBeVisible();
});

test("values are read again when their row has changed", async () => {
  const read = answerWith(() => ({}));
  const running = nodeRow("split", { status: "running", ended_at: null, seq: 4 });
  show("split", { execution: execution({ id: "run-3" }), rows: [running] });
  await vi.waitFor(() => expect(read).toHaveBeenCalledTimes(1));
  act(() => applyRows([nodeRow("split", { seq: 5 })]));
  await vi.waitFor(() => expect(read).toHaveBeenCalledTimes(2));
});

test("one item of ten thousand is found by its number", async () => {
  const read = answerWith((id) => ({ outputs: [{ index: 0, port: "part", value: `of ${id}` }] }));
  const rows = Array.from({ length: 10_000 }, (_, k) => nodeRow("split", { id: `row-${k}`, path: [k], seq: k + 1 }));
  show("split", { execution: execution({ id: "run-4" }), rows, ui: { inspectorTab: "output" } });
  const number = await screen.findByLabelText("Item number");
  await userEvent.clear(number);
  await userEvent.type(number, "9001{Enter}");
  expect(await screen.findByText("of row-9000")).toBeVisible();
  expect(read.mock.calls.length).toBeLessThan(4);
});

test("a cut value is loaded whole on demand", async () => {
  const outputs = [{ index: 3, port: "parts", value: ["a"], size: 70_000, truncated: true }];
  answerWith(() => ({ outputs }));
  const whole = vi.spyOn(api, "wholeOutput").mockResolvedValue({ ok: true, data: ["a", "the end"] });
  show("split", { execution: execution({ id: "run-6" }), rows: [nodeRow("split")], ui: { inspectorTab: "output" } });
  await userEvent.click(await screen.findByRole("button", { name: "Load all" }));
  expect(await screen.findByText('"the end"')).toBeVisible();
  expect(whole).toHaveBeenCalledWith("run-6", "split--0", 3);
});

test("a long stream is read on", async () => {
  answerWith(() => ({ outputs: [{ index: 0, port: "part", value: "one" }], more_outputs: true }));
  const next = detail(nodeRow("split"), { outputs: [{ index: 1, port: "part", value: "two" }], more_outputs: false });
  vi.spyOn(api, "nodeRowAfter").mockResolvedValue({ ok: true, data: next });
  show("split", { execution: execution({ id: "run-7" }), rows: [nodeRow("split")], ui: { inspectorTab: "output" } });
  await userEvent.click(await screen.findByRole("button", { name: "Load more values" }));
  expect(await screen.findByText("2 values")).toBeVisible();
});

test("failed items alone can be walked through", async () => {
  answerWith(() => ({}));
  const rows = Array.from({ length: 20 }, (_, k) =>
    nodeRow("split", { id: `f-${k}`, path: [k], seq: k + 1, ...(k % 10 === 3 ? { status: "failed" as const } : {}) }),
  );
  show("split", { execution: execution({ id: "run-5" }), rows, ui: { inspectorTab: "input" } });
  await userEvent.click(await screen.findByRole("button", { name: "2 failed" }));
  await userEvent.click(screen.getByRole("button", { name: "Next item" }));
  expect(useStore.getState().ui.rowId).toBe("f-13");
});

test("nothing selected: the graph is named and its problems lead to their nodes", async () => {
  resetStore({
    blocks,
    problems: [
      { code: "x", pointer: "#/nodes/1", detail: "Items are missing.", node: "join", link: null, severity: "error" },
    ],
  });
  render(<Inspector />);
  expect(screen.getByLabelText("Name")).toHaveValue(smallSpec.name);
  await userEvent.click(screen.getByRole("button", { name: /Items are missing/ }));
  expect(useStore.getState().ui.selection.nodes).toEqual(["join"]);
});

test("several selected nodes are counted", () => {
  resetStore({ blocks });
  actions().select({ nodes: ["split", "join"] });
  render(<Inspector />);
  expect(screen.getByText("2 nodes selected")).toBeVisible();
});

test("a waiting run says what for, with the way there", () => {
  answerWith(() => ({}));
  const rows = [nodeRow("split", { status: "waiting", ended_at: null, waiting: { for: "graph", child: "run-9" } })];
  show("split", { execution: execution({ id: "run-4", status: "waiting" }), rows, ui: { inspectorTab: "output" } });
  expect(screen.getByText(/Runs another graph/)).toBeVisible();
  expect(screen.getByRole("link", { name: "Open that run" })).toHaveAttribute("href", "/executions/run-9/");
});

test("a result of an earlier run is called so", () => {
  answerWith(() => ({}));
  show("split", { execution: execution({ id: "run-5" }), rows: [nodeRow("split", { reused: true })] });
  expect(screen.getByText("reused")).toBeVisible();
});

test("the output of a run is pinned, edited and taken away", async () => {
  answerWith(() => ({ outputs: [{ index: 0, port: "parts", value: ["a", "b"], size: 9 }] }));
  show("split", { execution: execution({ id: "run-6" }), rows: [nodeRow("split")], ui: { inspectorTab: "output" } });
  await userEvent.click(await screen.findByRole("button", { name: "Pin this output" }));
  const pinned = () => useStore.getState().graph.spec.nodes[0]?.pinned;
  await vi.waitFor(() => expect(pinned()).toEqual({ parts: ["a", "b"] }));
  await userEvent.click(screen.getByRole("button", { name: "Show pinned data" }));
  const section = within(screen.getByRole("region", { name: "Pinned data" }));
  await userEvent.click(section.getByRole("button", { name: /Give nothing/ }));
  expect(pinned()).toEqual({});
  await userEvent.click(section.getByRole("button", { name: "part" }));
  expect(pinned()).toEqual({ part: [] });
  await userEvent.click(section.getByRole("button", { name: "Remove" }));
  expect(pinned()).toBeUndefined();
  actions().undo();
  expect(pinned()).toEqual({ part: [] });
});

test("an output that is shown cut is pinned whole", async () => {
  answerWith(() => ({ outputs: [{ index: 0, port: "parts", value: "[1, …", size: 90_000, truncated: true }] }));
  vi.spyOn(api, "wholeOutput").mockResolvedValue({ ok: true, data: [1, 2] });
  show("split", { execution: execution({ id: "run-7" }), rows: [nodeRow("split")] });
  await actions().pinRow(nodeRow("split"));
  expect(useStore.getState().graph.spec.nodes[0]?.pinned).toEqual({ parts: [1, 2] });
});

const crossing = { code: "crossing_loops", pointer: "#/links/0", detail: "Two loops meet.", link: 0, node: "join" };

test("where two loops meet one press says how, and the setting stays in sight", async () => {
  show("join", { problems: [{ ...crossing, severity: "error" }] });
  await userEvent.click(screen.getByRole("button", { name: "Pair by position (zip)" }));
  expect(useStore.getState().graph.spec.nodes[1]?.join).toBe("zip");
  expect(screen.getByLabelText("Where loops meet")).toHaveValue("zip");
});

test("a node without such loops has no such setting", () => {
  show("join");
  expect(screen.queryByLabelText("Where loops meet")).toBeNull();
});

test("twenty problems are shown, more on demand", async () => {
  const many = Array.from({ length: 25 }, (_, k) => ({ ...crossing, code: "x", detail: `Wrong ${k}.`, node: "split" }));
  resetStore({ blocks, problems: many.map((one) => ({ ...one, severity: "error" as const })) });
  render(<Inspector />);
  expect(screen.getAllByText(/Wrong/)).toHaveLength(20);
  await userEvent.click(screen.getByRole("button", { name: "and 5 more" }));
  expect(screen.getAllByText(/Wrong/)).toHaveLength(25);
});
