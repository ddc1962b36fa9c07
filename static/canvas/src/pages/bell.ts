/** The bell in the navigation: its number stays right on every page, also on those that refresh nothing else. */

const INTERVAL = 5_000;

/** How the number is shown; nothing for none. */
export function countText(unread: number): string {
  return unread > 99 ? "99+" : unread > 0 ? String(unread) : "";
}

function show(bell: HTMLElement, unread: number): void {
  const text = countText(unread);
  const badge = bell.querySelector(".badge");
  if (badge?.firstChild?.textContent === text || (!badge && !text)) return;
  badge?.remove();
  if (!text) return;
  const fresh = document.createElement("b");
  fresh.className = "badge";
  const word = document.createElement("span");
  word.className = "hidden";
  word.textContent = " unread";
  fresh.append(text, word);
  bell.append(fresh);
}

async function look(bell: HTMLElement, address: string): Promise<void> {
  const answer = await fetch(address, { headers: { Accept: "application/json" } });
  if (!answer.ok) return;
  const told = (await answer.json()) as { unread?: number };
  show(bell, told.unread ?? 0);
}

/** Look every few seconds while the page is looked at; a failed try is simply tried again. */
export function watchBell(): void {
  const bell = document.getElementById("nav-bell");
  const address = bell?.dataset.unread;
  if (!bell || !address) return;
  const again = (): void => {
    if (!document.hidden) look(bell, address).catch(() => undefined);
  };
  setInterval(again, INTERVAL);
  document.addEventListener("visibilitychange", again);
}
