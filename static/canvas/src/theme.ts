/** Light or dark: as chosen on this machine, else as the system asks. */

import type { Theme } from "./state";

const KEY = "agentflow.theme";
const DARK = "(prefers-color-scheme: dark)";

function chosenTheme(): Theme | null {
  try {
    const saved = window.localStorage.getItem(KEY);
    return saved === "light" || saved === "dark" ? saved : null;
  } catch {
    return null; // No storage: follow the system.
  }
}

export function currentTheme(): Theme {
  return chosenTheme() ?? (window.matchMedia(DARK).matches ? "dark" : "light");
}

export function showTheme(theme: Theme): void {
  document.documentElement.dataset.theme = theme;
}

export function chooseTheme(theme: Theme): void {
  showTheme(theme);
  try {
    window.localStorage.setItem(KEY, theme);
  } catch {
    // It then holds for this page only.
  }
}

/** Calls `show` whenever the system changes its mind and nobody has chosen here. */
export function followSystem(show: (theme: Theme) => void): void {
  window.matchMedia(DARK).addEventListener("change", () => {
    if (!chosenTheme()) show(currentTheme());
  });
}
