import { expect, test } from "vitest";

import type { Box } from "./shape";
import { centred, fitted, revealed, sameView, type View } from "./view";

const room = { width: 1000, height: 700 };

function seen(view: View, box: Box): Box {
  return {
    x: box.x * view.zoom + view.x,
    y: box.y * view.zoom + view.y,
    width: box.width * view.zoom,
    height: box.height * view.zoom,
  };
}

test("a small graph is shown in its own size, in the middle", () => {
  const box = { x: 300, y: -50, width: 200, height: 100 };
  const view = fitted(box, room, 0.5);
  expect(view.zoom).toBe(1);
  expect(seen(view, box).x + 100).toBe(500);
});

test("a wide graph uses the width and keeps clear of the minimap", () => {
  const box = { x: 0, y: 0, width: 1200, height: 500 };
  const at = seen(fitted(box, room, 0.05), box);
  expect(at.x).toBeGreaterThan(20);
  expect(at.x + at.width).toBeLessThan(980);
  expect(at.y + at.height).toBeLessThan(700 - 130);
});

test("a high graph would get too small beside the minimap: it uses the height", () => {
  const box = { x: 0, y: 0, width: 100, height: 1000 };
  const at = seen(fitted(box, { width: 1000, height: 500 }, 0.05), box);
  expect(at.height).toBeGreaterThan(400);
});

test("a huge graph stays readable and begins at its left", () => {
  const box = { x: 100, y: 0, width: 9000, height: 500 };
  const view = fitted(box, room, 0.5);
  expect(view.zoom).toBe(0.5);
  expect(seen(view, box).x).toBe(28);
});

test("what is in view stays where it is; what is outside comes in as little as needed", () => {
  const view = { x: 0, y: 0, zoom: 1 };
  expect(revealed(view, { x: 200, y: 200, width: 180, height: 100 }, room)).toEqual(view);
  const box = { x: 950, y: 200, width: 180, height: 100 };
  const at = seen(revealed(view, box, room), box);
  expect(at).toEqual({ x: 1000 - 56 - 180, y: 200, width: 180, height: 100 });
  const left = { x: -500, y: 200, width: 180, height: 100 };
  expect(seen(revealed(view, left, room), left).x).toBe(56);
});

test("a centred box is in the middle", () => {
  const box = { x: 10, y: 20, width: 180, height: 100 };
  const at = seen(centred(box, room, 0.6), box);
  expect([at.x + at.width / 2, at.y + at.height / 2]).toEqual([500, 350]);
});

test("views that differ by a rounding are the same", () => {
  expect(sameView({ x: 1, y: 2, zoom: 1 }, { x: 1.2, y: 2, zoom: 1 })).toBe(true);
  expect(sameView({ x: 1, y: 2, zoom: 1 }, { x: 9, y: 2, zoom: 1 })).toBe(false);
});
