import { render, screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, test, vi } from "vitest";

import { api } from "../../api/client";
import { shapeOf } from "../../model/schemaForm";
import type { GraphDetail, GraphRow } from "../../model/types";
import { resetStore } from "../../testing/store";
import { Control } from "./Control";

const rows = ["Invoices", "Reminders"].map((name, k) => ({
  id: k + 7,
  name,
  description: "",
  published_version: null,
}));

function open(value?: number) {
  resetStore();
  const page = { next: null, previous: null, results: rows as unknown as GraphRow[] };
  vi.spyOn(api, "graphs").mockResolvedValue({ ok: true, data: page });
  vi.spyOn(api, "graph").mockResolvedValue({ ok: true, data: { name: "Dunning" } as GraphDetail });
  const onChange = vi.fn();
  const shape = shapeOf({ type: "integer", format: "graph" });
  const common = { id: "g", initial: undefined, placeholder: "", disabled: false, invalid: false };
  render(<Control {...common} shape={shape} value={value} onChange={onChange} onClear={vi.fn()} />);
  return onChange;
}

test("a graph is found by its name", async () => {
  const onChange = open();
  await userEvent.click(screen.getByRole("button", { name: /Choose a graph/ }));
  await userEvent.type(screen.getByRole("combobox", { name: "Search graphs" }), "remin");
  await userEvent.click(await screen.findByRole("option", { name: /Reminders/ }));
  expect(onChange).toHaveBeenCalledWith(8);
});

test("the chosen graph is named and can be opened", async () => {
  open(3);
  expect(await screen.findByRole("button", { name: "Dunning" })).toBeVisible();
  expect(screen.getByRole("link", { name: "Open" })).toHaveAttribute("href", "/graphs/3/canvas/");
});
