/** Where everything on the canvas is, and how large. */

import { NO_PORTS } from "./model/graph";
import { freeShift, indexLinks, nodeShape, NODE_WIDTH, type Box } from "./model/shape";
import type { At, NodeSpec } from "./model/types";
import { shownSpec, type State } from "./state";

/** Boxes of all shown nodes, by key. */
export function nodeBoxes(state: State): Map<string, Box> {
  const spec = shownSpec(state);
  const links = indexLinks(spec.links);
  return new Map(
    spec.nodes.map((node) => {
      const [x, y] = spec.layout[node.key] ?? [0, 0];
      const into = links.into.get(node.key) ?? [];
      const from = links.from.get(node.key) ?? [];
      const ports = state.graph.view ? state.graph.view.ports[node.key] : state.graph.ports[node.key];
      const known = ports ?? state.catalogue.blocks[node.block] ?? NO_PORTS;
      const { height } = nodeShape(node, known, into, from, state.ui.expanded.includes(node.key));
      return [node.key, { x, y, width: NODE_WIDTH, height }];
    }),
  );
}

export function noteBoxes(state: State): Box[] {
  return shownSpec(state).annotations.map(({ at: [x, y, width, height] }) => ({ x, y, width, height }));
}

/** How far new nodes move from where they are wanted, so that they cover nothing. */
export function clearOf(state: State, added: readonly { node: NodeSpec; at: At }[]): At {
  const wanted = added.map(({ node, at: [x, y] }) => {
    const ports = state.catalogue.blocks[node.block] ?? NO_PORTS;
    return { x, y, width: NODE_WIDTH, height: nodeShape(node, ports, [], [], false).height };
  });
  return freeShift([...nodeBoxes(state).values(), ...noteBoxes(state)], wanted);
}
