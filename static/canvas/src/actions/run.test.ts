import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { nodeSummary } from "../live";
import type { ExecutionFrame } from "../model/types";
import { actions, useStore } from "../store";
import { shownSpec } from "../state";
import { execution, nodeRow, resetStore, smallSpec } from "../testing/store";

const run = execution({ version: 2 });
let frames: ((frame: ExecutionFrame) => void)[];
let answers: Record<string, () => Response>;

beforeEach(() => {
  frames = [];
  answers = {
    "POST graphs/1/execute/": () => Response.json(run, { status: 202 }),
    [`GET executions/${run.id}/`]: () => Response.json({ ...run, inputs: {}, outputs: {}, events: [] }),
    "GET graphs/1/versions/2/": () =>
      Response.json({ number: 2, spec: { ...smallSpec, name: "Then" }, ports: {}, created_at: "", author: null }),
    [`POST executions/${run.id}/cancel/`]: () => Response.json({ ...run, cancel_requested: true }),
  };
  vi.stubGlobal("fetch", (address: string, init: RequestInit) => {
    const found = answers[`${init.method ?? ""} ${address.replace("/api/v1/", "")}`];
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
