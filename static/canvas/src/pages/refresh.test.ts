import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { refreshEvery } from "./refresh";

const page = (main: string) => `<!doctype html><body><a id="a" data-refresh>2</a><main>${main}</main></body>`;

beforeEach(() => {
  vi.useFakeTimers();
  document.body.innerHTML =
    '<a id="a" data-refresh>1</a><main><p class="message">Saved.</p><i>old</i><input value="a"></main>';
  vi.stubGlobal("fetch", () => Promise.resolve(new Response(page('<i>new</i><input value="a">'))));
  refreshEvery(main(), 1000);
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

function main(): HTMLElement {
  const found = document.querySelector("main");
  if (!found) throw new Error("no main");
  return found;
}

test("the main part is replaced, but not what the server said once", async () => {
  await vi.advanceTimersByTimeAsync(1000);
  expect(main().textContent).toBe("Saved.new");
});

test("parts around it are replaced, too", async () => {
  await vi.advanceTimersByTimeAsync(1000);
  expect(document.getElementById("a")?.textContent).toBe("2");
});

test("a page with something typed in it stays", async () => {
  const field = main().querySelector("input");
  if (field) field.value = "typed";
  await vi.advanceTimersByTimeAsync(3000);
  expect(main().textContent).toBe("Saved.old");
});

test("a page with an open menu stays", async () => {
  main().insertAdjacentHTML("beforeend", "<details open></details>");
  await vi.advanceTimersByTimeAsync(3000);
  expect(main().textContent).toBe("Saved.old");
});
