/** Keep a page's main part fresh: fetch the same address again and swap it in, unless the user is busy with it. */

/** Something was typed that only this page knows. */
function isChanged(main: HTMLElement): boolean {
  const fields = main.querySelectorAll<HTMLInputElement | HTMLTextAreaElement>("input, textarea");
  return [...fields].some((field) => field.value !== field.defaultValue);
}

function isBusy(main: HTMLElement): boolean {
  return (
    document.hidden ||
    isChanged(main) ||
    main.querySelector("details[open]") !== null ||
    (document.activeElement !== null && main.contains(document.activeElement) && document.activeElement !== main)
  );
}

/** Parts outside `main` that have a `data-refresh` and an id. */
function refreshParts(page: Document): void {
  for (const part of document.querySelectorAll("[data-refresh]")) {
    const fresh = page.getElementById(part.id);
    if (fresh && fresh.innerHTML !== part.innerHTML) part.replaceChildren(...fresh.childNodes);
  }
}

async function refresh(main: HTMLElement): Promise<void> {
  const answer = await fetch(location.href, { headers: { "X-Requested-With": "refresh" } });
  if (!answer.ok || answer.redirected) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  refreshParts(page);
  const fresh = page.querySelector("main");
  if (!fresh || isBusy(main) || fresh.innerHTML === main.innerHTML) return;
  // What the server said once about the user's last step is not in the fresh page.
  const said = main.querySelectorAll(":scope > .message");
  main.replaceChildren(...said, ...fresh.childNodes);
}

/** Refresh `main` every `interval` milliseconds while the page is looked at; a failed try is simply tried again. */
export function refreshEvery(main: HTMLElement, interval: number): void {
  setInterval(() => {
    if (!isBusy(main)) refresh(main).catch(() => undefined);
  }, interval);
}
