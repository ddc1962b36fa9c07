/** Verbs of the screen: what is selected, open and said. */

import type { Actions, State, Toast, UiSlice } from "../state";
import type { Get, Set } from "../store";
import { chooseTheme } from "../theme";

type UiActions = Pick<
  Actions,
  | "select"
  | "selectNode"
  | "setTheme"
  | "setScreen"
  | "setInspectorTab"
  | "setInspectorOpen"
  | "setDrawerOpen"
  | "setDrawerTab"
  | "setRunDialogOpen"
  | "toggleExpanded"
  | "setFinder"
  | "setNodeRun"
  | "setNodeMenu"
  | "closeRepeat"
  | "toast"
  | "dismissToast"
>;

const INFO_MS = 5_000;
const MOST_TOASTS = 4;

function same(a: readonly unknown[], b: readonly unknown[]): boolean {
  return a.length === b.length && a.every((one, index) => one === b[index]);
}

export function uiActions(set: Set, get: Get): UiActions {
  const change = (part: Partial<UiSlice>): void => set((state: State) => ({ ui: { ...state.ui, ...part } }));
  let lastToast = 0;

  return {
    select: (part) => {
      const before = get().ui.selection;
      const selection = { ...before, ...part };
      if (
        same(before.nodes, selection.nodes) &&
        same(before.links, selection.links) &&
        same(before.notes, selection.notes)
      ) {
        return;
      }
      change({ selection, rowId: null });
    },
    selectNode: (key, rowId = null) =>
      change({ selection: { nodes: key === null ? [] : [key], links: [], notes: [] }, rowId }),
    setTheme: (theme) => {
      chooseTheme(theme);
      change({ theme });
    },
    setScreen: (screen) => change({ screen }),
    setInspectorTab: (inspectorTab) => change({ inspectorTab }),
    setInspectorOpen: (inspectorOpen) => change({ inspectorOpen }),
    setDrawerOpen: (drawerOpen) => change({ drawerOpen }),
    setDrawerTab: (drawerTab) => change({ drawerTab }),
    setRunDialogOpen: (runDialogOpen, runKeeps = false) => change({ runDialogOpen, runKeeps, startProblem: null }),
    toggleExpanded: (key) => {
      const { expanded } = get().ui;
      change({ expanded: expanded.includes(key) ? expanded.filter((one) => one !== key) : [...expanded, key] });
    },
    setFinder: (finder) => change({ finder }),
    setNodeRun: (nodeRun) => change({ nodeRun, startProblem: null }),
    setNodeMenu: (nodeMenu) => change({ nodeMenu }),
    closeRepeat: () => change({ repeat: null }),
    toast: (toast) => {
      lastToast += 1;
      const added: Toast = { ...toast, id: lastToast };
      const others = get().ui.toasts.filter((one) => one.text !== toast.text);
      change({ toasts: [...others, added].slice(-MOST_TOASTS) });
      if (toast.tone === "info") window.setTimeout(() => get().actions.dismissToast(added.id), INFO_MS);
    },
    dismissToast: (id) => change({ toasts: get().ui.toasts.filter((toast) => toast.id !== id) }),
  };
}
