/** What can be linked to what, as lists to choose from. */

import { ERROR_PORT, nodeTitle } from "./graph";
import { linkFit, typesFit, typesOf } from "./validate";
import type { BlockDescription, LinkSpec, Port } from "./types";
import { portsOf, type LoosePort, type State } from "../state";

interface Choice {
  id: string;
  title: string;
  detail: string;
}

function loose(state: State, from: LoosePort): Port | undefined {
  const ports = portsOf(state, from.key);
  const side = from.side === "source" ? [...(ports?.outputs ?? []), ERROR_PORT] : ports?.inputs;
  return side?.find((port) => port.name === from.port);
}

/** The block's port that takes (or feeds) a loose link end best: one that fits exactly, else one that converts. */
export function firstPort(state: State, from: LoosePort, block: BlockDescription): string | null {
  const port = loose(state, from);
  const others = from.side === "source" ? block.inputs : block.outputs;
  let converts: string | null = null;
  for (const other of others) {
    const [source, sink] = from.side === "source" ? [port, other] : [other, port];
    const fit = source && sink ? typesFit(typesOf(source.schema), typesOf(sink.schema)) : ({ fit: "ok" } as const);
    if (fit.fit === "ok") return other.name;
    if (fit.fit === "converts") converts ??= other.name;
  }
  return converts;
}

export function outputChoices(state: State, key: string): Choice[] {
  const outputs = portsOf(state, key)?.outputs ?? [];
  return [...outputs, ERROR_PORT].map((port) => ({ id: port.name, title: port.name, detail: port.title }));
}

/** Every input of another node that takes this output; the id is the link as JSON. */
export function connectChoices(state: State, key: string, output: string): Choice[] {
  const { spec } = state.graph;
  return spec.nodes
    .filter((node) => node.key !== key)
    .flatMap((node) =>
      (portsOf(state, node.key)?.inputs ?? []).flatMap((port) => {
        const link: LinkSpec = { source: key, source_port: output, sink: node.key, sink_port: port.name };
        const fit = linkFit(spec, (one) => portsOf(state, one), link);
        if (fit.fit === "refused") return [];
        const title = `${nodeTitle(node, state.catalogue.blocks[node.block])} · ${port.name}`;
        return [{ id: JSON.stringify(link), title, detail: fit.fit === "converts" ? "converts" : "" }];
      }),
    );
}
