/** What a run says about a link, from the statuses of its two ends. */

import type { NodeStatus } from "./types";

export type LinkLive = "none" | "ahead" | "flow" | "done" | "unused";

/** `run`: no run is shown, one is on, or one is over. */
export function linkLive(
  run: "none" | "on" | "over",
  source: NodeStatus | undefined,
  sink: NodeStatus | undefined,
): LinkLive {
  if (run === "none") return "none";
  if (sink === "skipped" || source === "skipped") return "unused";
  if (source === undefined || sink === undefined)
    return run === "over" ? "unused" : source === "running" ? "flow" : "ahead";
  if (run === "on" && (source === "running" || sink === "running")) return "flow";
  return source === "queued" || source === "waiting" ? "ahead" : "done";
}
