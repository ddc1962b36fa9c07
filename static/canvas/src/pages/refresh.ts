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

async function refresh(main: HTMLElement): Promise<void> {
  const answer = await fetch(location.href, { headers: { "X-Requested-With": "refresh" } });
  if (!answer.ok || answer.redirected) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("main");
  if (fresh && !isBusy(main) && fresh.innerHTML !== main.innerHTML) main.replaceChildren(...fresh.childNodes);
}

/** Refresh `main` every `interval` milliseconds while the page is looked at; a failed try is simply tried again. */
export function refreshEvery(main: HTMLElement, interval: number): void {
  setInterval(() => {
    if (!isBusy(main)) refresh(main).catch(() => undefined);
  }, interval);
}
