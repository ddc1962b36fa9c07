import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { nodeSummary } from "../live";
import type { ExecutionFrame } from "../model/types";
import { actions, useStore } from "../store";
import { shownSpec } from "../state";
import { execution, join, nodeRow, resetStore, smallSpec, split } from "../testing/store";

const run = execution({ version: 2 });
let frames: ((frame: ExecutionFrame) => void)[];
let answers: Record<string, () => Response>;
let calls: [call: string, body: unknown][];

beforeEach(() => {
  frames = [];
  calls = [];
  answers = {
    "POST graphs/1/execute/": () => Response.json(run, { status: 202 }),
    [`GET executions/${run.id}/`]: () => Response.json({ ...run, inputs: {}, outputs: {}, events: [] }),
    "GET graphs/1/versions/2/": () =>
      Response.json({ number: 2, spec: { ...smallSpec, name: "Then" }, ports: {}, created_at: "", author: null }),
    [`POST executions/${run.id}/cancel/`]: () => Response.json({ ...run, cancel_requested: true }),
  };
  vi.stubGlobal("fetch", (address: string, init: RequestInit) => {
    const call = `${init.method ?? ""} ${address.replace("/api/v1/", "")}`;
    calls.push([call, typeof init.body === "string" ? JSON.parse(init.body) : undefined]);
    const found = answers[call];
    return Promise.resolve(found?.() ?? Response.json({ detail: `No ${address}` }, { status: 404 }));
  });
  const fake = function (this: Record<string, unknown>) {
    this.readyState = 1;
    this.send = () => undefined;
    this.close = () => undefined;
    frames.push((frame) => (this.onmessage as (event: { data: string }) => void)({ data: JSON.stringify(frame) }));
  };
  vi.stubGlobal("WebSocket", Object.assign(fake, { OPEN: 1, CONNECTING: 0 }));
  resetStore();
});

afterEach(() => {
  actions().closeRun();
  vi.unstubAllGlobals();
});

test("a started run is shown on the draft, live", async () => {
  expect(await actions().startRun({})).toBe(true);
  frames[0]?.({ type: "snapshot", seq: 3, head: 3, execution: run, nodes: [nodeRow("split", { status: "running" })] });
  const state = useStore.getState();
  expect(state.run.execution?.id).toBe(run.id);
  expect(state.graph).toMatchObject({ view: null, latestVersion: 2 });
  expect(state.run.seq).toBe(3);
  expect(nodeSummary("split")?.status).toBe("running");
});

test("a refused start says why", async () => {
  answers["POST graphs/1/execute/"] = () =>
    Response.json(
      { detail: "Not valid.", errors: [{ pointer: "#/nodes/0", detail: "Split needs text." }] },
      { status: 422 },
    );
  expect(await actions().startRun({})).toBe(false);
  expect(useStore.getState().ui.toasts[0]?.text).toBe("Split needs text.");
});

test("an earlier run is shown on the version that ran, read only, and left again", async () => {
  await actions().openRun(run.id);
  expect(shownSpec(useStore.getState()).name).toBe("Then");
  actions().setTitle("split", "Cut");
  expect(useStore.getState().graph.undo).toEqual([]);
  actions().closeRun();
  expect(shownSpec(useStore.getState()).name).toBe("Small");
  expect(useStore.getState().run.execution).toBeNull();
  expect(nodeSummary("split")).toBeUndefined();
});

test("a run that ends is remembered with its end", async () => {
  await actions().startRun({});
  frames[0]?.({ type: "frame", seq: 5, head: 5, execution: { ...run, status: "completed" }, nodes: [] });
  expect(useStore.getState().run.recent[0]).toMatchObject({ id: run.id, status: "completed" });
});

test("frames of a run that is no longer shown are dropped", async () => {
  await actions().startRun({});
  actions().closeRun();
  frames[0]?.({ type: "frame", seq: 5, head: 5, execution: run, nodes: [nodeRow("split")] });
  expect(nodeSummary("split")).toBeUndefined();
});

const problem = { code: "missing_input", pointer: "#/nodes/0", detail: "Split needs text.", node: "split", link: null };
const error = { ...problem, severity: "error" as const };

function posted(call: string): unknown[] {
  return calls.filter(([name]) => name === `POST ${call}`).map(([, body]) => body);
}

test("a graph with problems is not even asked to start", async () => {
  answers["POST graphs/1/validate/"] = () => Response.json({ problems: [error, { ...error, detail: "More." }] });
  resetStore({ problems: [error] });
  expect(await actions().startRun({})).toBe(false);
  expect(posted("graphs/1/execute/")).toEqual([]);
  expect(useStore.getState().ui.toasts[0]?.text).toBe("Split needs text. And 1 more.");
});

test("a problem that somebody else has put right keeps nobody", async () => {
  answers["POST graphs/1/validate/"] = () => Response.json({ problems: [] });
  resetStore({ problems: [error] });
  expect(await actions().startRun({})).toBe(true);
  expect(useStore.getState().graph.problems).toEqual([]);
});

test("a run may take over results and leave pins out", async () => {
  await actions().startRun({ a: 1 }, { keep: "run-0", pins: false });
  expect(posted("graphs/1/execute/")).toEqual([{ inputs: { a: 1 }, keep: "run-0", pins: false }]);
});

/** A failed run is shown on the draft; `spec` is what ran. */
async function failedRun(spec = smallSpec) {
  answers["GET graphs/1/versions/2/"] = () => Response.json({ number: 2, spec, ports: {} });
  await actions().startRun({});
  frames.at(-1)?.({
    type: "frame",
    seq: 5,
    head: 5,
    execution: { ...run, status: "failed" },
    nodes: [nodeRow("split")],
  });
}
const next = execution({ id: "01900000-0000-7000-8000-000000000002", version: 2 });

test("a failed run is taken up where it failed", async () => {
  answers[`POST executions/${run.id}/retry/`] = () => Response.json(next, { status: 202 });
  await failedRun();
  expect(await actions().retry({ failed: true })).toBeNull();
  expect(posted(`executions/${run.id}/retry/`)).toEqual([{}]);
  expect(useStore.getState().run.execution?.id).toBe(next.id);
});

test("after a change the draft runs, with what is unchanged taken over", async () => {
  await failedRun({ ...smallSpec, nodes: smallSpec.nodes.slice(0, 1) });
  await actions().retry({ failed: true });
  expect(posted("graphs/1/execute/").at(-1)).toEqual({ inputs: {}, keep: run.id });
});

test("a step that must happen once is asked for, then repeated", async () => {
  resetStore({ blocks: [{ ...split, effect: "once" }, join] });
  answers[`POST executions/${run.id}/retry/`] = () => Response.json(next, { status: 202 });
  await failedRun();
  await actions().retry({ from: ["split"] });
  expect(posted(`executions/${run.id}/retry/`)).toEqual([]);
  expect(useStore.getState().ui.repeat?.steps).toEqual([{ node: "split", detail: "Split" }]);
  await actions().retry({ from: ["split"] }, true);
  expect(posted(`executions/${run.id}/retry/`)).toEqual([{ from: ["split"], repeat_once: true }]);
});

test("a refusal that names steps asks too", async () => {
  const errors = [{ code: "repeats_once", pointer: "#/repeat_once", node: "join", detail: "Again." }];
  answers[`POST executions/${run.id}/retry/`] = () => Response.json({ errors }, { status: 422 });
  await failedRun();
  expect(await actions().retry({ from: ["join"] })).toBeNull();
  expect(useStore.getState().ui.repeat?.steps).toEqual([{ node: "join", detail: "Join" }]);
});

test("after a change too a lost step is not repeated in silence", async () => {
  resetStore({ blocks: [{ ...split, effect: "once" }, join] });
  await failedRun({ ...smallSpec, name: "Before" });
  frames.at(-1)?.({
    type: "frame",
    seq: 6,
    head: 6,
    execution: { ...run, status: "failed" },
    nodes: [nodeRow("split", { seq: 6, status: "failed", error: { kind: "timeout" } })],
  });
  await actions().retry({ failed: true });
  expect(posted("graphs/1/execute/")).toHaveLength(1);
  expect(useStore.getState().ui.repeat?.steps).toEqual([{ node: "split", detail: "Split" }]);
  await actions().retry({ failed: true }, true);
  expect(posted("graphs/1/execute/").at(-1)).toEqual({ inputs: {}, keep: run.id });
});
