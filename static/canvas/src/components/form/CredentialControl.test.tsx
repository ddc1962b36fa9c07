import { render, screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, test, vi } from "vitest";

import { api } from "../../api/client";
import { shapeOf } from "../../model/schemaForm";
import type { CredentialRow } from "../../model/types";
import { resetStore } from "../../testing/store";
import { Control } from "./Control";

const rows: CredentialRow[] = [
  { id: "b", name: "Shop", kind: "bearer", owner: { id: 1, name: "Ann" }, problem: "" },
  { id: "a", name: "Mail", kind: "api_key", owner: { id: 1, name: "Ann" }, problem: "" },
];

function open(value?: string) {
  resetStore();
  const page = { next: null, previous: null, results: rows };
  const asked = vi.spyOn(api, "credentials").mockResolvedValue({ ok: true, data: page });
  const onChange = vi.fn();
  const onClear = vi.fn();
  const shape = shapeOf({
    anyOf: [{ type: "string", format: "credential", kinds: ["api_key", "bearer"] }, { type: "null" }],
  });
  const common = { id: "c", name: "Credential", initial: null, placeholder: "", disabled: false, invalid: false };
  render(<Control {...common} shape={shape} value={value} onChange={onChange} onClear={onClear} />);
  return { asked, onChange, onClear };
}

test("a credential is chosen by its name", async () => {
  const { asked, onChange } = open();
  await screen.findByRole("option", { name: "Shop" });
  await userEvent.selectOptions(screen.getByRole("combobox"), "Shop");
  expect(onChange).toHaveBeenCalledWith("b");
  expect(asked).toHaveBeenCalledWith(["api_key", "bearer"]);
});

test("without one the way to make it is offered", async () => {
  open();
  expect(await screen.findByRole("link", { name: "Make one" })).toHaveAttribute("href", "/credentials/");
});

test("the chosen one can be opened and taken away", async () => {
  const { onClear } = open("b");
  expect(await screen.findByRole("link", { name: "Open" })).toHaveAttribute("href", "/credentials/b/");
  await userEvent.selectOptions(screen.getByRole("combobox"), "None");
  expect(onClear).toHaveBeenCalled();
});

test("one that is gone is said to be", async () => {
  open("other");
  expect(await screen.findByRole("option", { name: /that is gone/ })).toBeInTheDocument();
});
