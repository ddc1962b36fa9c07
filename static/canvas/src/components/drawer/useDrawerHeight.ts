/** Height of the run drawer: chosen by hand, kept in this browser, handed to the layout as `--drawer-height`. */

import { useEffect, useState } from "react";

const PLACE = "agentflow.drawer.height";
export const LEAST = 120;
const USUAL = 240;

export interface DrawerHeight {
  value: number;
  large: boolean;
  set: (value: number) => void;
  toggle: () => void;
}

function most(): number {
  return Math.max(LEAST, window.innerHeight - 220);
}

function remembered(): number {
  try {
    return Number(localStorage.getItem(PLACE)) || USUAL;
  } catch {
    return USUAL;
  }
}

function remember(value: number): void {
  try {
    localStorage.setItem(PLACE, String(value));
  } catch {
    // Storage is forbidden: the height lasts as long as the page.
  }
}

export function useDrawerHeight(): DrawerHeight {
  const [value, setValue] = useState(remembered);
  useEffect(() => {
    document.documentElement.style.setProperty("--drawer-height", `${Math.min(value, most())}px`);
  }, [value]);
  const set = (wanted: number): void => {
    const next = Math.round(Math.min(Math.max(wanted, LEAST), most()));
    setValue(next);
    remember(next);
  };
  const large = value > USUAL * 1.6;
  return { value, large, set, toggle: () => set(large ? USUAL : window.innerHeight * 0.55) };
}
