/** Which rows of a long list with equal row heights are in sight, so that only those are drawn. */

import { useCallback, useEffect, useState, type RefObject, type UIEvent } from "react";

export interface RowWindow<E extends HTMLElement> {
  onScroll: (event: UIEvent<E>) => void;
  /** First row to draw and the one after the last. */
  first: number;
  end: number;
  height: number;
  width: number;
  /** Brings a row into sight when it is outside. */
  reveal: (index: number) => void;
}

const SPARE = 6;

/** What is seen before the first measurement, and where nothing can be measured. */
const UNMEASURED = { top: 0, height: 240, width: 600 };

/** `ref` is the scrolling element; `headHeight` what a sticky head covers of it. */
export function useWindow<E extends HTMLElement>(
  ref: RefObject<E | null>,
  rows: number,
  rowHeight: number,
  headHeight = 0,
): RowWindow<E> {
  const [view, setView] = useState(UNMEASURED);
  useEffect(() => {
    const element = ref.current;
    if (!element || typeof ResizeObserver === "undefined") return undefined;
    const observer = new ResizeObserver(() => {
      const { clientHeight, clientWidth, scrollTop } = element;
      if (clientHeight > 0) setView({ top: scrollTop, height: clientHeight, width: clientWidth });
    });
    observer.observe(element);
    return () => observer.disconnect();
  }, [ref]);
  const onScroll = useCallback((event: UIEvent<E>) => {
    const { scrollTop } = event.currentTarget;
    setView((before) => (before.top === scrollTop ? before : { ...before, top: scrollTop }));
  }, []);
  const reveal = useCallback(
    (index: number) => {
      const element = ref.current;
      if (!element || index < 0) return;
      const top = index * rowHeight;
      const room = element.clientHeight - headHeight;
      if (top < element.scrollTop) element.scrollTop = top;
      else if (top + rowHeight > element.scrollTop + room) element.scrollTop = top + rowHeight - room;
    },
    [ref, rowHeight, headHeight],
  );
  const first = Math.max(0, Math.floor(view.top / rowHeight) - SPARE);
  const end = Math.min(rows, Math.ceil((view.top + view.height) / rowHeight) + SPARE);
  return { onScroll, first, end, height: view.height, width: view.width, reveal };
}
