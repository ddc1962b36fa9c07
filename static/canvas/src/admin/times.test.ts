import { expect, test } from "vitest";

import { showLocalTimes } from "./times";

test("a time is shown in the reader's time zone, and exactly when pointed at", () => {
  document.body.innerHTML = '<time datetime="2026-11-23T12:03:11Z" data-local>23 Nov 12:03:11 UTC</time>';
  showLocalTimes(document);
  const time = document.querySelector("time");
  const hour = String(new Date("2026-11-23T12:03:11Z").getHours()).padStart(2, "0");
  expect(time?.textContent).toContain(`${hour}:03:11`);
  expect(time?.title).toBe("2026-11-23T12:03:11Z");
});
