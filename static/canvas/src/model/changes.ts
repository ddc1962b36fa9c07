/** What differs between two graphs that a run could tell apart; places and notes do not count. */

import { count } from "./format";
import { linkId } from "./graph";
import type { GraphSpec, Json, NodeSpec } from "./types";

export interface Changes {
  added: number;
  changed: number;
  removed: number;
  links: number;
  /** Name, description or limits. */
  settings: boolean;
}

/** JSON with sorted keys: equal values give equal texts. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_, inner: Json) =>
    typeof inner === "object" && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}

function content(node: NodeSpec): string {
  const { key, block, block_version: version = 1, config, title = "", policy = {}, join = "match" } = node;
  const { pinned = null } = node;
  return canonical({ key, block, version, config, title, policy, join, pinned });
}

export function changesBetween(before: GraphSpec, after: GraphSpec): Changes {
  const old = new Map(before.nodes.map((node) => [node.key, content(node)]));
  const kept = after.nodes.filter((node) => old.has(node.key));
  const links = new Set(before.links.map(linkId));
  const same = after.links.filter((link) => links.has(linkId(link))).length;
  const settings = ({ name, description, limits }: GraphSpec): string => canonical({ name, description, limits });
  return {
    added: after.nodes.length - kept.length,
    changed: kept.filter((node) => old.get(node.key) !== content(node)).length,
    removed: before.nodes.length - kept.length,
    links: before.links.length - same + after.links.length - same,
    settings: settings(before) !== settings(after),
  };
}

/** "2 nodes added, 1 link changed"; empty when nothing differs. */
export function changeWords({ added, changed, removed, links, settings }: Changes): string {
  const parts = [
    added > 0 && `${count(added, "node")} added`,
    changed > 0 && `${count(changed, "node")} changed`,
    removed > 0 && `${count(removed, "node")} removed`,
    links > 0 && `${count(links, "link")} changed`,
    settings && "name, description or limits changed",
  ];
  return parts.filter((part) => part !== false).join(", ");
}
