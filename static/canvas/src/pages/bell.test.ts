import { expect, test } from "vitest";
import { countText } from "./bell";

test.each([
  [0, ""],
  [1, "1"],
  [99, "99"],
  [100, "99+"],
])("%d unread are shown as “%s”", (unread, text) => {
  expect(countText(unread)).toBe(text);
});
