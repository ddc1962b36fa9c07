/** Follows a run and a graph over their sockets. */

import { openSocket, socketAddress } from "./api/socket";
import type { ExecutionFrame, GraphMessage } from "./model/types";
import type { Connection } from "./state";

export interface Watch {
  close: () => void;
}

const place = { ws: "/ws/" };
/** Closed because the page may not see it or it is gone; after a lost login trying again does help. */
const NOT_ALLOWED = [4403, 4404];

export function configureSockets(ws: string): void {
  place.ws = ws;
}

/** Calls `done` when what was just taken in has been drawn; at once in a page nobody sees. */
function afterDrawing(done: () => void): void {
  if (document.hidden) done();
  else requestAnimationFrame(done);
}

export function watchExecution(options: {
  id: string;
  since: () => number;
  onFrame: (frame: ExecutionFrame) => void;
  onConnection: (connection: Connection) => void;
}): Watch {
  return openSocket({
    url: () => `${socketAddress(place.ws, `executions/${options.id}/`)}?since=${options.since()}`,
    onState: options.onConnection,
    onMessage: (message, send) => {
      const frame = message as ExecutionFrame;
      options.onFrame(frame);
      if (frame.type !== "transient") afterDrawing(() => send({ type: "ack", seq: frame.seq }));
    },
    finalCodes: NOT_ALLOWED,
  });
}

export function watchGraph(options: {
  id: number;
  since: () => number;
  onMessage: (message: GraphMessage) => void;
}): Watch {
  return openSocket({
    url: () => `${socketAddress(place.ws, `graphs/${options.id}/`)}?since=${options.since()}`,
    onState: () => undefined,
    onMessage: (message) => options.onMessage(message as GraphMessage),
    finalCodes: NOT_ALLOWED,
  });
}
