/** The little that server-rendered pages do in the browser: theme, menus, confirmations, live refresh. */
import "../styles/fonts.css";
import "../styles/tokens.css";
import "../styles/base.css";
import "./pages.css";
import "./notifications.css";
import { watchBell } from "./bell";
import { keepMenus } from "./menus";
import { refreshEvery } from "./refresh";

const THEME_KEY = "agentflow.theme";

function isDark(): boolean {
  const chosen = document.documentElement.dataset.theme;
  return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
}

function switchTheme(): void {
  const theme = isDark() ? "light" : "dark";
  document.documentElement.dataset.theme = theme;
  localStorage.setItem(THEME_KEY, theme);
}

document.addEventListener("click", (event) => {
  const target = event.target instanceof Element ? event.target : null;
  if (target?.closest("[data-action=theme]")) switchTheme();
  const copy = target?.closest<HTMLElement>("[data-copy]");
  if (copy) void navigator.clipboard.writeText(copy.dataset.copy ?? "").then(() => (copy.textContent = "Copied"));
});

document.addEventListener("change", (event) => {
  if (event.target instanceof HTMLInputElement && event.target.dataset.action === "submit") {
    event.target.form?.requestSubmit();
  }
});

document.addEventListener("submit", (event) => {
  const question = event.target instanceof HTMLFormElement ? event.target.dataset.confirm : undefined;
  if (question && !confirm(question)) event.preventDefault();
});

keepMenus();
watchBell();

const live = document.querySelector<HTMLElement>("main[data-live]");
if (live) refreshEvery(live, Number(live.dataset.live) * 1000);
