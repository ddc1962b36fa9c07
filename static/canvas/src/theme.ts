/** Light or dark: as chosen on this machine, else as the system asks. */

import type { Theme } from "./state";

const KEY = "agentflow.theme";

export function savedTheme(): Theme {
  try {
    const saved = window.localStorage.getItem(KEY);
    if (saved === "light" || saved === "dark") return saved;
  } catch {
    // No storage: follow the system.
  }
  return window.matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
}

export function applyTheme(theme: Theme): void {
  document.documentElement.dataset.theme = theme;
  try {
    window.localStorage.setItem(KEY, theme);
  } catch {
    // It then holds for this page only.
  }
}
