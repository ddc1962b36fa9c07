/** Pinned data: what a node gives instead of running. */

import { outputsByPort } from "./run";
import type { BlockDescription, GraphSpec, Json, JsonObject, NodeOutput, NodeSpec, Port } from "./types";

/** Bytes of JSON that the server takes for one node. */
export const MOST_PINNED_BYTES = 1_000_000;

/** The outputs of a run as pinned data: the items of a stream as a list, of other ports the last value. */
export function pinnedOf(outputs: readonly NodeOutput[], ports: readonly Port[]): JsonObject {
  const kinds = new Map(ports.map((port) => [port.name, port.kind]));
  return Object.fromEntries(
    [...outputsByPort(outputs)]
      // A failure is not pinned: it would be no output of the block.
      .filter(([name]) => kinds.has(name))
      .map(([name, found]): [string, Json] => {
        const values = found.map((output) => output.value);
        return [name, kinds.get(name) === "stream" ? values : (values.at(-1) ?? null)];
      }),
  );
}

/** Data to begin with when nothing has run yet: the block's first example, else nulls. */
export function samplePin(block: BlockDescription | undefined, ports: readonly Port[]): JsonObject {
  const example = block?.examples.find(({ output }) => ports.some((port) => port.name in output))?.output ?? {};
  return Object.fromEntries(
    ports.map((port) => [port.name, example[port.name] ?? (port.kind === "stream" ? [] : null)]),
  );
}

export function pinnedNodes(spec: GraphSpec): NodeSpec[] {
  return spec.nodes.filter((node) => node.pinned);
}

export function jsonBytes(value: Json): number {
  return new TextEncoder().encode(JSON.stringify(value)).length;
}
