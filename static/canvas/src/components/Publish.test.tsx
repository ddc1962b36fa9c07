import { render, screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { afterEach, expect, test, vi } from "vitest";

import { useStore } from "../store";
import { resetStore, smallSpec } from "../testing/store";
import { PublishButton } from "./Publish";

function publishes(answer: () => Response): string[] {
  const calls: string[] = [];
  vi.stubGlobal("fetch", (address: string, init: RequestInit) => {
    calls.push(`${init.method ?? ""} ${address}`);
    return Promise.resolve(answer());
  });
  // happy-dom has no modal dialogs.
  HTMLDialogElement.prototype.showModal = function () {
    this.open = true;
  };
  return calls;
}

afterEach(() => vi.unstubAllGlobals());

test("the draft is published after a question", async () => {
  const calls = publishes(() => Response.json({ published_version: 4 }));
  resetStore();
  render(<PublishButton />);
  await userEvent.click(screen.getByRole("button", { name: "Publish" }));
  expect(screen.getByText(/Nothing is published yet/)).toBeInTheDocument();
  await userEvent.click(screen.getByRole("button", { name: "Publish draft" }));
  expect(calls).toEqual(["POST /api/v1/graphs/1/publish/"]);
  expect(useStore.getState().graph.published).toEqual({ number: 4, spec: smallSpec });
  expect(screen.queryByRole("dialog")).toBeNull();
});

test("a refusal says why and publishes nothing", async () => {
  const problem = { title: "Not publishable", detail: "", errors: [{ pointer: "#/nodes/0", detail: "Needs text." }] };
  publishes(() => Response.json(problem, { status: 422 }));
  resetStore();
  render(<PublishButton />);
  await userEvent.click(screen.getByRole("button", { name: "Publish" }));
  await userEvent.click(screen.getByRole("button", { name: "Publish draft" }));
  expect(screen.getByRole("alert")).toHaveTextContent("Needs text.");
  expect(useStore.getState().graph.published).toBeNull();
});

test("what is published already is not published again, but can be taken back", async () => {
  publishes(() => new Response(null, { status: 204 }));
  resetStore();
  useStore.setState((state) => ({ graph: { ...state.graph, published: { number: 2, spec: smallSpec } } }));
  render(<PublishButton />);
  await userEvent.click(screen.getByRole("button", { name: "Publish" }));
  expect(screen.getByRole("button", { name: "Publish draft" })).toBeDisabled();
  await userEvent.click(screen.getByRole("button", { name: "Unpublish version 2" }));
  expect(useStore.getState().graph.published).toBeNull();
});

test("a viewer publishes nothing", () => {
  resetStore({ role: "viewer" });
  render(<PublishButton />);
  expect(screen.queryByRole("button")).toBeNull();
});
