import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { chooseTheme, currentTheme, followSystem } from "./theme";

let isDark = false;
let tell: () => void = () => undefined;

beforeEach(() => {
  localStorage.clear();
  isDark = false;
  vi.stubGlobal("matchMedia", () => ({
    get matches() {
      return isDark;
    },
    addEventListener: (_: string, listener: () => void) => {
      tell = listener;
    },
  }));
});

afterEach(() => {
  localStorage.clear();
  vi.unstubAllGlobals();
});

test("the system is asked each time as long as nobody has chosen", () => {
  expect(currentTheme()).toBe("light");
  isDark = true;
  expect(currentTheme()).toBe("dark");
  expect(localStorage.getItem("agentflow.theme")).toBeNull();
});

test("a system that turns dark is followed", () => {
  const show = vi.fn();
  followSystem(show);
  isDark = true;
  tell();
  expect(show).toHaveBeenCalledWith("dark");
});

test("a choice stands against the system", () => {
  const show = vi.fn();
  chooseTheme("light");
  followSystem(show);
  isDark = true;
  tell();
  expect(show).not.toHaveBeenCalled();
  expect(currentTheme()).toBe("light");
});
