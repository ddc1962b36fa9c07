import { render, screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, test } from "vitest";

import { JsonView } from "./JsonView";

test("branches open on demand", async () => {
  render(<JsonView value={{ a: 1, b: 2, c: 3, d: 4, customer: { plan: "business" } }} />);
  expect(screen.queryByText(/business/)).toBeNull();
  await userEvent.click(screen.getByRole("button", { name: /customer/ }));
  expect(screen.getByText('"business"')).toBeVisible();
});

test("a list of a hundred thousand is shown in parts", async () => {
  const { container } = render(<JsonView value={Array.from({ length: 100_000 }, (_, k) => k)} />);
  expect(container.querySelectorAll("li").length).toBeLessThan(110);
  await userEvent.click(screen.getByRole("button", { name: "99,900 more" }));
  expect(container.querySelectorAll("li").length).toBeGreaterThan(1000);
});

test("a list of objects is a table that has only the rows in sight", () => {
  render(<JsonView value={Array.from({ length: 5000 }, (_, k) => ({ day: k, amount: k * 2 }))} />);
  expect(screen.getByRole("table")).toHaveAttribute("aria-rowcount", "5001");
  expect(screen.getAllByRole("row").length).toBeLessThan(60);
});

test("a table can be read as JSON", async () => {
  render(<JsonView value={[{ day: 1 }]} />);
  await userEvent.click(screen.getByRole("button", { name: "JSON" }));
  expect(screen.queryByRole("table")).toBeNull();
});

test("a long text is shown whole on demand", async () => {
  render(<JsonView value={"x".repeat(5000)} />);
  await userEvent.click(screen.getByRole("button", { name: "Show all 5,000 characters" }));
  expect(screen.getByText("x".repeat(5000))).toBeVisible();
});

test.each([
  [null, "null"],
  [0, "0"],
  [false, "false"],
  ["", "an empty text"],
  [[], "[] an empty list"],
  [{}, "{} an empty object"],
])("%j is shown, not hidden", (value, words) => {
  render(<JsonView value={value} />);
  expect(screen.getByText(words)).toBeVisible();
});
