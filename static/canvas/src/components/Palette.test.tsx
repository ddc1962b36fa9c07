import { ReactFlowProvider } from "@xyflow/react";
import { render, screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, test } from "vitest";

import { useStore } from "../store";
import { block, join, resetStore, split } from "../testing/store";
import { group, Palette } from "./Palette";

const math = block("math.calculate", { title: "Calculate", category: "Math", description: "Add, subtract, …" });
const broken = block("acme.mail", { title: "Mail", category: "Acme", disabled_reason: "No module named 'acme'." });

function draw(): void {
  resetStore({ blocks: [split, join, math, broken] });
  render(
    <ReactFlowProvider>
      <Palette />
    </ReactFlowProvider>,
  );
}

test("blocks stand below their categories, with counts", () => {
  draw();
  expect(screen.getByRole("heading", { name: "Text 2" })).toBeInTheDocument();
});

test("the search reads titles, ids and descriptions", () => {
  const blocks = [split, join, math];
  const found = (text: string) => group(blocks, ["Math", "Text"], text).flatMap((one) => one.blocks.map((b) => b.id));
  expect(found("")).toEqual(["math.calculate", "text.split", "text.join"]);
  expect(found("subtract")).toEqual(["math.calculate"]);
  expect(found("text spl")).toEqual(["text.split"]);
  expect(found("nothing")).toEqual([]);
});

test("Enter adds the first block found", async () => {
  const user = userEvent.setup();
  draw();
  await user.type(screen.getByRole("searchbox"), "calc{Enter}");
  expect(useStore.getState().graph.spec.nodes.at(-1)).toMatchObject({ key: "calculate", block: "math.calculate" });
  expect(useStore.getState().ui.selection.nodes).toEqual(["calculate"]);
});

test("a block that failed to load says why and cannot be added", () => {
  draw();
  const item = screen.getByRole("button", { name: "Mail" });
  expect(item).toBeDisabled();
  expect(item).toHaveAttribute("title", "No module named 'acme'.");
});
