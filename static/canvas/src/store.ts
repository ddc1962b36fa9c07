/** The one store: made once, filled with the page's boot data. */

import { create } from "zustand";

import { graphActions } from "./actions/graph";
import { pinActions } from "./actions/pin";
import { publishActions } from "./actions/publish";
import { runActions } from "./actions/run";
import { uiActions } from "./actions/ui";
import { configure } from "./api/client";
import { createDraft, type Draft } from "./draft";
import { EMPTY_SPEC } from "./model/graph";
import type { Boot } from "./model/types";
import type { Actions, State } from "./state";
import { currentTheme } from "./theme";

export type Set = (change: (state: State) => Partial<State>) => void;
export type Get = () => State;

/** What the store has before a page fills it. */
export function emptyState(): Omit<State, "actions"> {
  return {
    user: { id: 0, name: "" },
    home: "/",
    runPage: false,
    graph: {
      id: 0,
      role: "viewer",
      spec: EMPTY_SPEC,
      revision: 0,
      latestVersion: null,
      published: null,
      ports: {},
      problems: [],
      view: null,
      saveState: "saved",
      undo: [],
      redo: [],
    },
    catalogue: { blocks: {}, categories: [], state: "loading" },
    run: {
      execution: null,
      events: [],
      heldUpBy: "",
      detail: null,
      seq: 0,
      connection: "idle",
      recent: [],
      starting: false,
      ran: null,
      cancelling: false,
    },
    ui: {
      theme: currentTheme(),
      screen: "editor",
      selection: { nodes: [], links: [], notes: [] },
      inspectorTab: "config",
      inspectorOpen: true,
      rowId: null,
      drawerOpen: false,
      drawerTab: "timeline",
      runDialogOpen: false,
      runKeeps: false,
      startProblem: null,
      expanded: [],
      finder: null,
      nodeRun: null,
      nodeMenu: null,
      repeat: null,
      added: [],
      toasts: [],
    },
  };
}

let draft: Draft;

export const useStore = create<State>()((set, get) => {
  draft = createDraft({ get: () => get(), set });
  const made: Actions = {
    ...graphActions(set, get, draft),
    ...pinActions(get),
    ...publishActions(set, get, draft),
    ...runActions(set, get, draft),
    ...uiActions(set, get),
  };
  return { ...emptyState(), actions: made };
});

export function actions(): Actions {
  return useStore.getState().actions;
}

/** Starts to send this page's edits and takes over what a closed tab left; called once the store is filled. */
export function startDraft(boot: Boot): Draft {
  draft.start(boot.graph);
  return draft;
}

/** Fills the store with what the page was served with. */
export function fill(boot: Boot): void {
  configure(boot.urls.api, boot.csrf_cookie);
  useStore.setState((state) => ({
    user: boot.user,
    home: boot.urls.home,
    runPage: boot.execution !== null && boot.version !== null,
    graph: {
      ...state.graph,
      id: boot.graph.id,
      role: boot.graph.role,
      spec: boot.graph.spec,
      revision: boot.graph.revision,
      latestVersion: boot.graph.latest_version,
      published: boot.graph.published_version === null ? null : { number: boot.graph.published_version, spec: null },
      ports: boot.graph.ports,
      problems: boot.graph.problems,
    },
  }));
}
