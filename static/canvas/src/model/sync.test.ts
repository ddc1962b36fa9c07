import { expect, test } from "vitest";

import { EMPTY_SPEC } from "./graph";
import { addLocal, drop, receive, sealFirst, visible, type SyncState } from "./sync";
import type { Operation } from "./types";

const base: SyncState = {
  base: { ...EMPTY_SPEC, nodes: [{ key: "a", block: "core.value", config: {} }], layout: { a: [0, 0] } },
  revision: 3,
  pending: [],
};
const set = (name: string, value: string): Operation => ({ op: "set_config", key: "a", name, value });
const config = (state: SyncState) => visible(state).nodes[0]?.config;

test("local edits are visible before the server has them", () => {
  expect(config(addLocal(base, [set("x", "mine")], "e1"))).toEqual({ x: "mine" });
});

test("edits typed in a row become one; a sent edit is not changed any more", () => {
  const typed = addLocal(addLocal(base, [set("x", "1")], "e1"), [set("x", "2")], "e2");
  expect(typed.pending).toHaveLength(1);
  const sent = sealFirst(typed)?.state ?? typed;
  expect(addLocal(sent, [set("x", "3")], "e3").pending.map((edit) => edit.edit_id)).toEqual(["e1", "e3"]);
});

test("an edit of somebody else slides in below what is being typed", () => {
  const mine = addLocal(base, [set("x", "mine")], "e1");
  const after = receive(mine, [{ revision: 4, edit_id: "theirs", operations: [set("x", "theirs"), set("y", "new")] }]);
  expect(after && config(after)).toEqual({ x: "mine", y: "new" });
});

test("one's own edit coming back leaves nothing pending", () => {
  const mine = addLocal(base, [set("x", "mine")], "e1");
  const after = receive(mine, [{ revision: 4, edit_id: "e1", operations: [set("x", "mine")] }]);
  expect(after).toMatchObject({ revision: 4, pending: [] });
  expect(after && config(after)).toEqual({ x: "mine" });
});

test("the answer and the socket may tell the same edit in any order", () => {
  const edit = { revision: 4, edit_id: "e1", operations: [set("x", "mine")] };
  const once = receive(addLocal(base, edit.operations, "e1"), [edit]);
  expect(once && receive(once, [edit])).toEqual(once);
});

test("a gap in the revisions asks for a catch up", () => {
  expect(receive(base, [{ revision: 5, edit_id: "z", operations: [] }])).toBeNull();
});

test("a refused edit disappears from the graph", () => {
  expect(config(drop(addLocal(base, [set("x", "mine")], "e1"), "e1"))).toEqual({});
});
