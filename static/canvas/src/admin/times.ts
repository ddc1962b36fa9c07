/** Times in the reader's time zone: the server knows only UTC. */

const SHORT: Intl.DateTimeFormatOptions = {
  day: "2-digit",
  month: "short",
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  hour12: false,
};

export function showLocalTimes(page: ParentNode): void {
  for (const time of page.querySelectorAll<HTMLTimeElement>("time[data-local]")) {
    time.title = time.dateTime;
    time.textContent = new Date(time.dateTime).toLocaleString("en-GB", SHORT).replace(",", "");
  }
}

showLocalTimes(document);
