import { fireEvent, render, screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, test, vi } from "vitest";

import { api } from "../../api/client";
import type { Approval } from "../../model/types";
import { nodeRow, resetStore } from "../../testing/store";
import { DecisionCard } from "./DecisionCard";

const approval: Approval = {
  id: "a-1",
  kind: "approval",
  state: "open",
  execution: "run-1",
  node: "split",
  node_title: "Split",
  path: [],
  instructions: "Is the sum right?",
  payload: { sum: 12 },
  created_at: "2026-11-23T10:00:00Z",
  decision: "",
  answer: null,
  comment: "",
  decided_by: null,
  decided_at: null,
};
const decided: Approval = { ...approval, state: "decided", decision: "approved", decided_by: { id: 2, name: "bob" } };

function open(more: Partial<Approval> = {}, setup: Parameters<typeof resetStore>[0] = {}) {
  resetStore(setup);
  const shown = { ...approval, ...more };
  vi.spyOn(api, "approval").mockResolvedValue({ ok: true, data: shown });
  const decide = vi.spyOn(api, "decide").mockResolvedValue({ ok: true, data: { ...decided, kind: shown.kind } });
  const waiting = { for: shown.kind, approval: shown.id };
  render(<DecisionCard row={nodeRow("split", { status: "waiting", waiting })} />);
  return decide;
}

test("a payload that is left as it is is not sent", async () => {
  const decide = open();
  expect(await screen.findByText("Is the sum right?")).toBeVisible();
  await userEvent.type(screen.getByLabelText("Comment"), "Fine");
  await userEvent.click(screen.getByRole("button", { name: "Approve" }));
  expect(decide).toHaveBeenCalledWith("a-1", { decision: "approved", comment: "Fine" });
  expect(await screen.findByText("Approved by bob")).toBeVisible();
});

test("a changed payload goes along, a broken one nowhere", async () => {
  const decide = open();
  const payload = await screen.findByLabelText("Payload");
  fireEvent.change(payload, { target: { value: '{"sum": 13' } });
  await userEvent.click(screen.getByRole("button", { name: "Reject" }));
  expect(decide).not.toHaveBeenCalled();
  fireEvent.change(payload, { target: { value: '{"sum": 13}' } });
  await userEvent.click(screen.getByRole("button", { name: "Reject" }));
  expect(decide).toHaveBeenCalledWith("a-1", { decision: "rejected", payload: { sum: 13 } });
});

test("of a step that must happen once one says what became of it", async () => {
  const decide = open({ kind: "outcome", instructions: "", payload: null });
  await userEvent.click(await screen.findByRole("button", { name: "It happened" }));
  expect(decide).toHaveBeenCalledWith("a-1", { decision: "happened" });
});

test("who was slower sees who was faster", async () => {
  open();
  const problem = { type: "", title: "Conflict", status: 409, detail: "Somebody has decided already.", errors: [] };
  vi.spyOn(api, "decide").mockResolvedValue({ ok: false, problem });
  await screen.findByText("Is the sum right?");
  vi.spyOn(api, "approval").mockResolvedValue({ ok: true, data: decided });
  await userEvent.click(screen.getByRole("button", { name: "Approve" }));
  expect(await screen.findByText("Approved by bob")).toBeVisible();
});

test("a viewer looks", async () => {
  open({}, { role: "viewer" });
  expect(await screen.findByLabelText("Payload")).toBeDisabled();
  expect(screen.queryByRole("button", { name: "Approve" })).toBeNull();
});
