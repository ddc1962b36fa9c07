/** A WebSocket that comes back by itself: with growing pauses, at once when the network does, resuming where it was. */

export interface SocketOptions {
  /** Address for each attempt, so that it can carry how far the page is. */
  url: () => string;
  onMessage: (message: unknown, send: (reply: unknown) => void) => void;
  onState: (state: "connecting" | "live" | "offline") => void;
  /** Close codes after which trying again is useless (gone, not allowed). */
  finalCodes?: readonly number[];
}

export interface Socket {
  close: () => void;
}

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 15_000;

export function socketAddress(base: string, path: string): string {
  const url = new URL(base + path, location.href);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  return url.href;
}

/** Opens the socket and keeps it open until `close`. */
export function openSocket(options: SocketOptions): Socket {
  let socket: WebSocket | null = null;
  let timer = 0;
  let failures = 0;
  let closed = false;

  const connect = (): void => {
    window.clearTimeout(timer);
    options.onState("connecting");
    const current = new WebSocket(options.url());
    socket = current;
    const send = (reply: unknown): void => {
      if (current.readyState === WebSocket.OPEN) current.send(JSON.stringify(reply));
    };
    current.onmessage = (event: MessageEvent<string>) => {
      failures = 0;
      options.onState("live");
      options.onMessage(JSON.parse(event.data), send);
    };
    current.onopen = () => options.onState("live");
    current.onclose = (event) => {
      if (closed || current !== socket) return;
      options.onState("offline");
      if (options.finalCodes?.includes(event.code)) return;
      const pause = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** failures);
      failures += 1;
      // Spread: after a restart of the server not every page knocks at the same moment.
      timer = window.setTimeout(connect, pause * (0.75 + Math.random() / 2));
    };
  };

  const online = (): void => {
    if (closed || socket?.readyState === WebSocket.OPEN || socket?.readyState === WebSocket.CONNECTING) return;
    failures = 0;
    connect();
  };

  window.addEventListener("online", online);
  connect();
  return {
    close: () => {
      closed = true;
      window.clearTimeout(timer);
      window.removeEventListener("online", online);
      socket?.close();
    },
  };
}
