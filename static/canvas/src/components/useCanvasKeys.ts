/** Keys of the editor. Typing in a field is never caught. */

import { useEffect } from "react";

import { actions, useStore } from "../store";
import { isReadOnly, mayRun, selectedKey } from "../state";
import { whyNotAgain } from "../model/nodeVerbs";
import { again } from "./again";
import { PALETTE_SEARCH_ID } from "./Palette";
import { useFit, usePlace } from "./useViewport";

function isTyping(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  return (
    target.isContentEditable ||
    ["INPUT", "TEXTAREA", "SELECT"].includes(target.tagName) ||
    target.closest("dialog") !== null
  );
}

function withControl(event: KeyboardEvent): (() => void) | undefined {
  const act = actions();
  const keys: Record<string, () => void> = {
    z: event.shiftKey ? act.redo : act.undo,
    y: act.redo,
    d: act.duplicateSelected,
    a: () => {
      const { spec } = useStore.getState().graph;
      act.select({ nodes: spec.nodes.map((node) => node.key), links: [], notes: [] });
    },
  };
  return keys[event.key.toLowerCase()];
}

function plain(event: KeyboardEvent, fit: () => void): (() => void) | undefined {
  const act = actions();
  const key = selectedKey(useStore.getState());
  const keys: Record<string, () => void> = {
    Delete: act.removeSelected,
    Backspace: act.removeSelected,
    Escape: () => act.select({ nodes: [], links: [], notes: [] }),
    f: fit,
    F: fit,
    "/": () => document.getElementById(PALETTE_SEARCH_ID)?.focus(),
  };
  if (key !== null && whyNotAgain(useStore.getState()) === "") {
    keys.r = () => act.setNodeRun(key);
    keys.R = () => void again({ from: [key] });
  }
  if (key !== null && !isReadOnly(useStore.getState())) keys.c = keys.C = () => act.setFinder({ kind: "connect", key });
  return keys[event.key];
}

export function useCanvasKeys(): void {
  const fit = useFit();
  const place = usePlace();

  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent): void => {
      const control = event.ctrlKey || event.metaKey;
      const state = useStore.getState();
      if (control && event.key === "Enter" && !state.ui.runDialogOpen && !state.runPage && mayRun(state)) {
        event.preventDefault();
        actions().run();
        return;
      }
      if (isTyping(event.target) || event.altKey) return;
      const verb = control ? withControl(event) : plain(event, fit);
      if (!verb) return;
      event.preventDefault();
      verb();
    };
    const onCopy = (event: ClipboardEvent): void => {
      const text = isTyping(event.target) || window.getSelection()?.toString() ? null : actions().copySelected();
      if (text === null) return;
      event.preventDefault();
      event.clipboardData?.setData("text/plain", text);
      if (event.type === "cut") actions().removeSelected();
    };
    const onPaste = (event: ClipboardEvent): void => {
      if (isTyping(event.target)) return;
      const text = event.clipboardData?.getData("text/plain") ?? "";
      if (actions().paste(text, place())) event.preventDefault();
    };
    document.addEventListener("keydown", onKeyDown);
    document.addEventListener("copy", onCopy);
    document.addEventListener("cut", onCopy);
    document.addEventListener("paste", onPaste);
    return () => {
      document.removeEventListener("keydown", onKeyDown);
      document.removeEventListener("copy", onCopy);
      document.removeEventListener("cut", onCopy);
      document.removeEventListener("paste", onPaste);
    };
  }, [fit, place]);
}
