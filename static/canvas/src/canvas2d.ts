/** What all 2D canvases of the page share: theme colours and a size that fits the screen's pixels. */

/** Reads variables as colours of the current theme: a 2D canvas knows no `var()`. */
export function coloursOf(element: HTMLCanvasElement): (name: string) => string {
  const known = new Map<string, string>();
  return (name) => {
    let colour = known.get(name);
    if (colour === undefined) {
      element.style.color = name;
      colour = getComputedStyle(element).color;
      known.set(name, colour);
    }
    return colour;
  };
}

/** Device pixels for each of the page's, at most 2: more is not seen and costs time. */
export function pixelRatio(): number {
  return Math.min(2, window.devicePixelRatio || 1);
}

/** A function that calls `draw` in the next frame, once however often it is called, and one that stops it. */
export function onceAFrame(draw: () => void): { soon: () => void; stop: () => void } {
  let frame = 0;
  return {
    soon: () => {
      if (frame !== 0) return;
      frame = requestAnimationFrame(() => {
        frame = 0;
        draw();
      });
    },
    stop: () => cancelAnimationFrame(frame),
  };
}
