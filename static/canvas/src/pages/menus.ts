/** Menus of rows: they open over everything, although the table around them scrolls. */

const GAP = 4;

/** Put the open menu's list below its button, or above where there is no room. */
function place(menu: HTMLDetailsElement): void {
  const list = menu.querySelector<HTMLElement>(":scope > div");
  const button = menu.querySelector("summary")?.getBoundingClientRect();
  if (!list || !button) return;
  list.style.position = "fixed";
  list.style.right = `${document.documentElement.clientWidth - button.right}px`;
  const below = button.bottom + GAP;
  const fits = below + list.offsetHeight <= innerHeight;
  list.style.top = `${fits ? below : Math.max(button.top - GAP - list.offsetHeight, 0)}px`;
}

function close(keep?: Element | null): void {
  for (const menu of document.querySelectorAll<HTMLDetailsElement>("details.menu[open]")) {
    if (!keep || !menu.contains(keep)) menu.open = false;
  }
}

/** Place menus that open; close them by a click elsewhere, Escape or scrolling. */
export function keepMenus(): void {
  document.addEventListener(
    "toggle",
    ({ target }) => {
      if (target instanceof HTMLDetailsElement && target.matches(".menu[open]")) place(target);
    },
    true,
  );
  document.addEventListener("click", ({ target }) => close(target instanceof Element ? target : null));
  document.addEventListener("keydown", ({ key }) => {
    if (key === "Escape") close();
  });
  document.addEventListener("scroll", () => close(), true);
}
