import "@testing-library/jest-dom/vitest";
import { cleanup } from "@testing-library/react";
import { afterEach, beforeEach, vi } from "vitest";

// No test reaches a server: a call that nobody answers stays open.
beforeEach(() => {
  vi.stubGlobal("fetch", () => new Promise(() => undefined));
  // Edits that an earlier test left unsent would be taken over.
  localStorage.clear();
});
afterEach(cleanup);
