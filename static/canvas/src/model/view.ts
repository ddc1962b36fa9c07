/** Which part of the drawing is seen: pure sums, since every size is known before anything is drawn. */

import type { Box } from "./shape";

export interface View {
  x: number;
  y: number;
  zoom: number;
}

export interface Room {
  width: number;
  height: number;
}

const SIDE = 28;
/** The run's pill lies above, the controls and the minimap below. */
export const ABOVE = 56;
const BELOW = 132;
const LARGEST = 1;
/** Keeping clear of the minimap may cost this much of the size, not more. */
const WORTH = 0.8;

/**
 * The view that shows all of `box` in the middle, no larger than life and no smaller than `least`.
 * What is larger than the room begins at its edge.
 */
export function fitted(box: Box, room: Room, least: number): View {
  const wide = (room.width - 2 * SIDE) / box.width;
  const roomy = Math.min(wide, (room.height - ABOVE - BELOW) / box.height, LARGEST);
  const tight = Math.min(wide, (room.height - ABOVE - SIDE) / box.height, LARGEST);
  const below = roomy >= tight * WORTH ? BELOW : SIDE;
  const zoom = Math.max(least, below === BELOW ? roomy : tight);
  const along = (start: number, length: number, before: number, space: number): number =>
    length * zoom <= space ? before + (space - length * zoom) / 2 - start * zoom : before - start * zoom;
  return {
    x: along(box.x, box.width, SIDE, room.width - 2 * SIDE),
    y: along(box.y, box.height, ABOVE, room.height - ABOVE - below),
    zoom,
  };
}

/** The view moved as little as needed to show `box`; what is larger than the room shows its beginning. */
export function revealed(view: View, box: Box, room: Room): View {
  const along = (start: number, length: number, offset: number, space: number): number => {
    const first = start * view.zoom + offset;
    const last = first + length * view.zoom;
    if (first < ABOVE) return offset + ABOVE - first;
    return last > space - ABOVE ? offset + Math.max(space - ABOVE - last, ABOVE - first) : offset;
  };
  return {
    x: along(box.x, box.width, view.x, room.width),
    y: along(box.y, box.height, view.y, room.height),
    zoom: view.zoom,
  };
}

/** The view with the middle of `box` in the middle of the room. */
export function centred(box: Box, room: Room, zoom: number): View {
  return {
    x: room.width / 2 - (box.x + box.width / 2) * zoom,
    y: room.height / 2 - (box.y + box.height / 2) * zoom,
    zoom,
  };
}

export function sameView(a: View, b: View): boolean {
  return Math.abs(a.x - b.x) < 1 && Math.abs(a.y - b.y) < 1 && Math.abs(a.zoom - b.zoom) < 0.001;
}
