import { render, screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { useState } from "react";
import { expect, test } from "vitest";

import { shapeOf } from "../../model/schemaForm";
import type { Json, Schema } from "../../model/types";
import { Control } from "./Control";

interface Setup {
  value?: Json;
  initial?: Json;
  disabled?: boolean;
  id?: string;
}

let count = 0;

/** A field that keeps what it is given, as the store does. */
function field(schema: Schema, { value, initial, disabled = false, id: setId }: Setup = {}) {
  const given: (Json | undefined)[] = [];
  const id = setId ?? `field-${(count += 1)}`;
  let put: (value: Json | undefined) => void = () => undefined;
  function Host() {
    const [current, setCurrent] = useState<Json | undefined>(value);
    put = setCurrent;
    const take = (next: Json | undefined): void => {
      given.push(next);
      setCurrent(next);
    };
    return (
      <>
        <label htmlFor={id}>Field</label>
        <Control
          shape={shapeOf(schema)}
          id={id}
          value={current}
          initial={initial}
          placeholder=""
          disabled={disabled}
          invalid={false}
          onChange={take}
          onClear={() => take(undefined)}
        />
      </>
    );
  }
  const view = render(<Host />);
  return { given, put: (next: Json) => put(next), unmount: view.unmount, last: () => given.at(-1) };
}

test("typed text goes out", async () => {
  const { last } = field({ type: "string" });
  await userEvent.type(screen.getByLabelText("Field"), "abc");
  expect(last()).toBe("abc");
});

test("emptied text without a default is unset, with one it is an empty text", async () => {
  const without = field({ type: "string" }, { value: "a" });
  await userEvent.clear(screen.getByLabelText("Field"));
  expect(without.last()).toBeUndefined();
  without.unmount();
  const having = field({ type: "string" }, { value: "a", initial: "," });
  await userEvent.clear(screen.getByLabelText("Field"));
  expect(having.last()).toBe("");
});

test("a default stands in the empty box", () => {
  field({ type: "number" }, { initial: 3 });
  expect(screen.getByLabelText("Field")).toHaveAttribute("placeholder", "3");
});

test("a number goes out when it can be read", async () => {
  const { given } = field({ type: "number" });
  await userEvent.type(screen.getByLabelText("Field"), "-1.5");
  expect(given.filter((value) => value !== undefined)).toEqual([-1, -1, -1.5]);
});

test("text that is no number is kept, told, and not sent", async () => {
  const { given } = field({ type: "number" });
  await userEvent.type(screen.getByLabelText("Field"), "x");
  await userEvent.tab();
  expect(given).toEqual([]);
  expect(screen.getByRole("alert")).toHaveTextContent("This should be a number.");
  expect(screen.getByLabelText("Field")).toHaveValue("x");
});

test("a half-written value outlives a look at another node", async () => {
  const { unmount } = field({}, { id: "same" });
  await userEvent.type(screen.getByLabelText("Field"), "[[1, 2");
  unmount();
  field({}, { id: "same" });
  expect(screen.getByLabelText("Field")).toHaveValue("[1, 2");
});

test("arrows step a number", async () => {
  const { last } = field({ type: "integer", maximum: 5 }, { value: 4 });
  await userEvent.type(screen.getByLabelText("Field"), "{ArrowUp}{ArrowUp}");
  expect(last()).toBe(5);
});

test("a change by somebody else appears", async () => {
  const { put } = field({ type: "number" }, { value: 1 });
  await userEvent.click(screen.getByLabelText("Field"));
  put(7);
  expect(await screen.findByDisplayValue("7")).toBeVisible();
});

test("text that means the value is left as it is typed", async () => {
  field({ type: "number" });
  await userEvent.type(screen.getByLabelText("Field"), "1.50");
  expect(screen.getByLabelText("Field")).toHaveValue("1.50");
});

test("any value is JSON where it is JSON, else text", async () => {
  const { last } = field({});
  await userEvent.type(screen.getByLabelText("Field"), "12");
  expect(last()).toBe(12);
  expect(screen.getByText("number")).toBeVisible();
  await userEvent.type(screen.getByLabelText("Field"), " apples");
  expect(last()).toBe("12 apples");
  expect(screen.getByText("text")).toBeVisible();
});

test("a choice goes out as its value", async () => {
  const { last } = field({ enum: ["GET", "POST"] }, { initial: "GET" });
  expect(screen.getByLabelText("Field")).toHaveDisplayValue("GET");
  await userEvent.selectOptions(screen.getByLabelText("Field"), "POST");
  expect(last()).toBe("POST");
});

test("a switch turns over", async () => {
  const { last } = field({ type: "boolean" }, { initial: true });
  await userEvent.click(screen.getByRole("switch", { name: "Field" }));
  expect(last()).toBe(false);
});

test("a yes/no that is not set says so", async () => {
  const { last } = field({ anyOf: [{ type: "boolean" }, { type: "null" }] }, { initial: null });
  expect(screen.getByLabelText("Field")).toHaveDisplayValue("Not set");
  await userEvent.selectOptions(screen.getByLabelText("Field"), "No");
  expect(last()).toBe(false);
});

test("items are added, changed, moved and removed", async () => {
  const { last } = field({ type: "array", items: { type: "string" } });
  await userEvent.click(screen.getByRole("button", { name: "Add item" }));
  await userEvent.click(screen.getByRole("button", { name: "Add item" }));
  const [first, second] = screen.getAllByRole("textbox");
  if (!first || !second) throw new Error("two items");
  await userEvent.type(first, "a");
  await userEvent.type(second, "b");
  expect(last()).toEqual(["a", "b"]);
  await userEvent.click(screen.getByRole("button", { name: "Move item 1 up" }));
  expect(last()).toEqual(["b", "a"]);
  await userEvent.click(screen.getByRole("button", { name: "Remove item 0" }));
  expect(last()).toEqual(["a"]);
});

test("entries keep their place while their name is typed", async () => {
  const { last } = field({ type: "object", additionalProperties: { type: "string" } }, { value: { a: "1" } });
  await userEvent.click(screen.getByRole("button", { name: "Add entry" }));
  await userEvent.type(screen.getByRole("textbox", { name: "Name 2" }), "b");
  expect(last()).toEqual({ a: "1", b: "" });
  await userEvent.click(screen.getByRole("button", { name: "Remove a" }));
  expect(last()).toEqual({ b: "" });
});

test("nothing can be changed in a disabled field", () => {
  field({ type: "array", items: { type: "string" } }, { value: ["a"], disabled: true });
  expect(screen.getByRole("textbox")).toBeDisabled();
  expect(screen.queryByRole("button")).toBeNull();
});
