import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { takeUnsent } from "./api/unsent";
import { actions, startDraft, useStore } from "./store";
import { resetStore, smallSpec } from "./testing/store";
import type { Boot, Operation } from "./model/types";

interface Sent {
  edit_id: string;
  operations: Operation[];
}

const boot = {
  graph: { id: 1, spec: smallSpec, revision: 0, problems: [], ports: {} },
  user: { id: 1, name: "alice" },
} as unknown as Boot;

let sent: Sent[];
let respond: (edit: Sent) => Response;
let revision: number;
let draft: ReturnType<typeof startDraft>;

function accepted(edit: Sent): Response {
  revision += 1;
  return Response.json({ revision, operations: edit.operations, problems: [], ports: {} });
}

beforeEach(() => {
  vi.useFakeTimers();
  localStorage.clear();
  sent = [];
  revision = 0;
  respond = accepted;
  vi.stubGlobal("fetch", (_address: string, init: RequestInit) => {
    const edit = JSON.parse(init.body as string) as Sent;
    sent.push(edit);
    return Promise.resolve().then(() => respond(edit));
  });
  resetStore();
  draft = startDraft(boot);
});

afterEach(() => {
  draft.stop();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

test("what is typed is shown at once and sent as one edit", async () => {
  actions().setConfig("split", "text", "x");
  actions().setConfig("split", "text", "x,y");
  expect(useStore.getState().graph.spec.nodes[0]?.config.text).toBe("x,y");
  expect(useStore.getState().graph.saveState).toBe("saving");
  await vi.runAllTimersAsync();
  expect(sent.map((edit) => edit.operations)).toEqual([
    [{ op: "set_config", key: "split", name: "text", value: "x,y" }],
  ]);
  expect(useStore.getState().graph).toMatchObject({ saveState: "saved", revision: 1 });
});

test("after a lost answer the same edit is sent again, and nothing is lost", async () => {
  let lost = true;
  respond = (edit) => {
    if (!lost) return accepted(edit);
    lost = false;
    throw new TypeError("network");
  };
  actions().setTitle("split", "Cut");
  await vi.advanceTimersByTimeAsync(400);
  expect(useStore.getState().graph.saveState).toBe("offline");
  await vi.runAllTimersAsync();
  expect(sent[0]?.edit_id).toBe(sent[1]?.edit_id);
  expect(useStore.getState().graph).toMatchObject({ saveState: "saved" });
  expect(useStore.getState().graph.spec.nodes[0]?.title).toBe("Cut");
});

test("a closed tab leaves its edits to the next one", async () => {
  respond = () => {
    throw new TypeError("network");
  };
  actions().setTitle("split", "Cut");
  await vi.advanceTimersByTimeAsync(400);
  draft.stop();
  const left = takeUnsent({ user: 1, graph: 1, tab: "next" }, () => "new");
  expect(left.map((edit) => edit.operations)).toEqual([[{ op: "set_title", key: "split", title: "Cut" }]]);
  expect(takeUnsent({ user: 2, graph: 1, tab: "other" }, () => "new")).toEqual([]);
});

test("a refused edit is taken back and said", async () => {
  respond = () => Response.json({ detail: "No.", errors: [{ pointer: "#/x", detail: "Too long." }] }, { status: 400 });
  actions().setTitle("split", "Cut");
  await vi.advanceTimersByTimeAsync(400);
  expect(useStore.getState().graph.spec.nodes[0]?.title).toBeUndefined();
  expect(useStore.getState().ui.toasts[0]?.text).toContain("Too long.");
});

test("edits of others appear while one's own wait", async () => {
  actions().setConfig("split", "text", "mine");
  draft.receive([
    {
      revision: 1,
      edit_id: "theirs",
      author: null,
      operations: [{ op: "set_title", key: "join", title: "Glue" }],
      created_at: "",
    },
  ]);
  revision = 1;
  const [first, second] = useStore.getState().graph.spec.nodes;
  expect([first?.config.text, second?.title]).toEqual(["mine", "Glue"]);
  await vi.runAllTimersAsync();
  expect(useStore.getState().graph.revision).toBe(2);
});

test("undo takes typing back as one step, redo brings it again", () => {
  actions().setConfig("split", "text", "x");
  actions().setConfig("split", "text", "xy");
  actions().undo();
  expect(useStore.getState().graph.spec.nodes[0]?.config.text).toBe("a,b");
  actions().redo();
  expect(useStore.getState().graph.spec.nodes[0]?.config.text).toBe("xy");
});

test("a viewer cannot edit", () => {
  resetStore({ role: "viewer" });
  actions().setTitle("split", "Cut");
  expect(useStore.getState().graph.undo).toEqual([]);
});

test("a server that hangs is called offline after some seconds, and is asked again", async () => {
  let patience: AbortSignal | null | undefined;
  vi.stubGlobal("fetch", (_address: string, init: RequestInit) => {
    patience = init.signal;
    return new Promise(() => undefined);
  });
  actions().setConfig("split", "text", "x");
  await vi.advanceTimersByTimeAsync(3_000);
  expect(useStore.getState().graph.saveState).toBe("saving");
  await vi.advanceTimersByTimeAsync(2_000);
  expect(useStore.getState().graph.saveState).toBe("offline");
  actions().setConfig("split", "text", "x,y");
  expect(useStore.getState().graph.saveState).toBe("offline");
  expect(patience).toBeInstanceOf(AbortSignal);
});
