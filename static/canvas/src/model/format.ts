/** Numbers and times as people read them. */

/** `3 ms`, `1.24 s`, `2 min 5 s`, `1 h 3 min`. */
export function duration(milliseconds: number): string {
  const ms = Math.max(0, milliseconds);
  if (ms < 999.5) return `${Math.round(ms)} ms`;
  if (ms < 9_995) return `${(ms / 1000).toFixed(2)} s`;
  if (ms < 59_950) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
}

/** Milliseconds between two ISO times, until `now` when the second is missing; null before the start. */
export function elapsed(started: string | null, ended: string | null, now: number): number | null {
  if (started === null) return null;
  return Math.max(0, (ended === null ? now : Date.parse(ended)) - Date.parse(started));
}

/** `12:03:09` in the reader's time zone. */
export function clock(iso: string): string {
  return new Date(iso).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false });
}

/** `12:03` today, `Nov 22, 12:03` on other days. */
export function moment(iso: string, now: number): string {
  const date = new Date(iso);
  const time = date.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", hour12: false });
  if (date.toDateString() === new Date(now).toDateString()) return time;
  return `${date.toLocaleDateString("en", { month: "short", day: "numeric" })}, ${time}`;
}

/** `1 item`, `12 items`. */
export function count(number: number, noun: string): string {
  return `${number.toLocaleString("en")} ${noun}${number === 1 ? "" : "s"}`;
}

/** `$12.30`; below a dollar as many digits as say something: `$0.0042`. */
export function dollars(amount: string): string {
  const number = Number(amount);
  if (number >= 1) return `$${number.toLocaleString("en", { minimumFractionDigits: 2, maximumFractionDigits: 2 })}`;
  return `$${number.toFixed(6).replace(/0{1,4}$/, "")}`;
}

/** `812 B`, `2.1 kB`, `3.4 MB`. */
export function bytes(size: number): string {
  if (size < 1000) return `${size} B`;
  if (size < 1_000_000) return `${(size / 1000).toFixed(1)} kB`;
  return `${(size / 1_000_000).toFixed(1)} MB`;
}

/** The short name of a run: the end of its id, since ids of one minute begin alike. */
export function shortId(id: string): string {
  return id.replaceAll("-", "").slice(-6);
}
