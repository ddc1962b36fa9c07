/** Verbs that change the draft; all of them go through `edit`. */

import { api } from "../api/client";
import { clearOf, nodeBoxes } from "../boxes";
import type { Draft } from "../draft";
import { copy, paste, read } from "../model/clipboard";
import { freshKey, linkId, nodeKeys } from "../model/graph";
import { layered } from "../model/layout";
import { invert } from "../model/operations";
import { NODE_WIDTH } from "../model/shape";
import type { At, Operation } from "../model/types";
import { push } from "../model/undo";
import { isReadOnly, type Actions } from "../state";
import type { Get, Set } from "../store";

type GraphActions = Pick<
  Actions,
  | "edit"
  | "undo"
  | "redo"
  | "setConfig"
  | "unsetConfig"
  | "setTitle"
  | "setPolicy"
  | "setJoin"
  | "setPinned"
  | "setGraph"
  | "setAnnotations"
  | "addNode"
  | "addLink"
  | "removeLink"
  | "replaceLink"
  | "moveNodes"
  | "removeSelected"
  | "duplicateSelected"
  | "copySelected"
  | "paste"
  | "autoLayout"
  | "loadCatalogue"
>;

export function graphActions(set: Set, get: Get, draft: Draft): GraphActions {
  const edit: Actions["edit"] = (operations, group = "") => {
    if (operations.length === 0 || isReadOnly(get())) return;
    const backward = invert(get().graph.spec, operations);
    const entry = { forward: operations, backward, group, at: Date.now() };
    set((state) => ({ graph: { ...state.graph, undo: push(state.graph.undo, entry), redo: [] } }));
    draft.edit(operations);
  };

  /** Moves the last step from one stack to the other and applies it. */
  const step = (from: "undo" | "redo"): void => {
    const entry = get().graph[from].at(-1);
    if (!entry || isReadOnly(get())) return;
    const operations = from === "undo" ? entry.backward : entry.forward;
    // What others did meanwhile stays: the way back is computed from the graph as it is now.
    const turned = {
      ...entry,
      [from === "undo" ? "forward" : "backward"]: invert(get().graph.spec, operations),
      group: "",
    };
    const to = from === "undo" ? "redo" : "undo";
    set((state) => ({
      graph: { ...state.graph, [from]: state.graph[from].slice(0, -1), [to]: [...state.graph[to], turned] },
    }));
    draft.edit(operations);
  };

  /** Adds nodes where they cover nothing, selects them and brings them into view. */
  const insert = (operations: Operation[], keys: string[]): void => {
    if (isReadOnly(get())) return;
    const [dx, dy] = clearOf(
      get(),
      operations.flatMap((one) => (one.op === "add_node" ? [one] : [])),
    );
    edit(
      operations.map((one) => (one.op === "add_node" ? { ...one, at: [one.at[0] + dx, one.at[1] + dy] as At } : one)),
    );
    get().actions.select({ nodes: keys, links: [], notes: [] });
    set((state) => ({ ui: { ...state.ui, added: keys } }));
  };

  return {
    edit,
    undo: () => step("undo"),
    redo: () => step("redo"),
    setConfig: (key, name, value) => edit([{ op: "set_config", key, name, value }], `config ${key} ${name}`),
    unsetConfig: (key, name) => edit([{ op: "unset_config", key, name }], `config ${key} ${name}`),
    setTitle: (key, title) => edit([{ op: "set_title", key, title }], `title ${key}`),
    setPolicy: (key, name, value) => edit([{ op: "set_policy", key, name, value }], `policy ${key} ${name}`),
    setJoin: (key, join) => edit([{ op: "set_join", key, join }]),
    setPinned: (key, pinned, group) => edit([{ op: "set_pinned", key, pinned }], group),
    setGraph: (name, value) => {
      const which = name === "limits" ? Object.keys(value ?? {}).join(" ") : "";
      edit([{ op: "set_graph", name, value }], `graph ${name} ${which}`);
    },
    setAnnotations: (annotations, group) =>
      edit([{ op: "set_graph", name: "annotations", value: annotations as never }], group),
    addNode: (block, at, link) => {
      const { spec } = get().graph;
      const key = freshKey(nodeKeys(spec), block);
      const version = get().catalogue.blocks[block]?.version ?? 1;
      const node = { key, block, block_version: version, config: {}, title: "", policy: {}, join: "match" as const };
      const operations: Operation[] = [{ op: "add_node", node, at }];
      if (link) operations.push({ op: "add_link", link: link(key) });
      insert(operations, [key]);
      return key;
    },
    addLink: (link) => edit([{ op: "add_link", link }]),
    removeLink: (link) => edit([{ op: "remove_link", link }]),
    replaceLink: (before, after) => {
      if (linkId(before) === linkId(after)) return;
      edit([
        { op: "remove_link", link: before },
        { op: "add_link", link: after },
      ]);
      get().actions.select({ nodes: [], links: [linkId(after)], notes: [] });
    },
    moveNodes: (positions, group) =>
      edit(
        Object.entries(positions).map(([key, at]) => ({ op: "move", key, at })),
        group,
      ),
    removeSelected: () => {
      if (isReadOnly(get())) return;
      const { selection } = get().ui;
      const { spec } = get().graph;
      const links = new Set(selection.links);
      const notes = new Set(selection.notes);
      const operations: Operation[] = [
        ...spec.links.filter((one) => links.has(linkId(one))).map((link): Operation => ({ op: "remove_link", link })),
        ...selection.nodes.map((key): Operation => ({ op: "remove_node", key })),
      ];
      if (notes.size > 0) {
        const rest = spec.annotations.filter((_, index) => !notes.has(index));
        operations.push({ op: "set_graph", name: "annotations", value: rest as never });
      }
      edit(operations);
      get().actions.select({ nodes: [], links: [], notes: [] });
    },
    duplicateSelected: () => {
      if (isReadOnly(get())) return;
      const { spec } = get().graph;
      const envelope = read(copy(spec, get().ui.selection.nodes) ?? "");
      if (!envelope) return;
      const { operations, keys } = paste(spec, envelope);
      insert(operations, keys);
    },
    copySelected: () => {
      const { graph, ui } = get();
      return copy(graph.view?.spec ?? graph.spec, ui.selection.nodes);
    },
    paste: (text, at) => {
      const envelope = read(text);
      if (!envelope || isReadOnly(get())) return false;
      const { operations, keys } = paste(get().graph.spec, envelope, at);
      insert(operations, keys);
      return true;
    },
    autoLayout: () => {
      const state = get();
      const { spec } = state.graph;
      const boxes = nodeBoxes(state);
      const places = layered(spec, (key) => boxes.get(key) ?? { width: NODE_WIDTH, height: 100 });
      const moved = Object.entries(places).filter(([key, [x, y]]) => {
        const [left, top] = spec.layout[key] ?? [NaN, NaN];
        return left !== x || top !== y;
      });
      get().actions.moveNodes(Object.fromEntries(moved));
    },
    loadCatalogue: async () => {
      const answer = await api.blocks();
      if (!answer.ok) {
        set((state) => ({ catalogue: { ...state.catalogue, state: "failed" } }));
        return;
      }
      const { results, categories } = answer.data;
      const blocks = Object.fromEntries(results.map((block) => [block.id, block]));
      set(() => ({ catalogue: { blocks, categories, state: "ready" } }));
    },
  };
}
