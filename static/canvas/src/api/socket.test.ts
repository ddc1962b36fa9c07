import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { openSocket } from "./socket";

interface FakeSocket {
  url: string;
  readyState: number;
  sent: string[];
  send: (text: string) => void;
  close: () => void;
  onopen?: () => void;
  onmessage?: (event: { data: string }) => void;
  onclose?: (event: { code: number }) => void;
}

let sockets: FakeSocket[];

beforeEach(() => {
  vi.useFakeTimers();
  sockets = [];
  const fake = vi.fn(function (this: FakeSocket, url: string) {
    this.url = url;
    this.readyState = 1;
    this.sent = [];
    this.send = (text) => this.sent.push(text);
    this.close = () => (this.readyState = 3);
    sockets.push(this);
  });
  vi.stubGlobal("WebSocket", Object.assign(fake, { OPEN: 1, CONNECTING: 0 }));
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

function follow(finalCodes: number[] = []) {
  let seq = 0;
  const states: string[] = [];
  const socket = openSocket({
    url: () => `ws://test/?since=${seq}`,
    onState: (state) => states.push(state),
    onMessage: (message, send) => {
      seq = (message as { seq: number }).seq;
      send({ type: "ack", seq });
    },
    finalCodes,
  });
  return { socket, states };
}

test("it acknowledges and resumes where it was", async () => {
  follow();
  sockets[0]?.onmessage?.({ data: '{"seq": 7}' });
  expect(sockets[0]?.sent).toEqual(['{"type":"ack","seq":7}']);
  if (sockets[0]) sockets[0].readyState = 3;
  sockets[0]?.onclose?.({ code: 1006 });
  await vi.runOnlyPendingTimersAsync();
  expect(sockets[1]?.url).toBe("ws://test/?since=7");
});

test("pauses between attempts grow", async () => {
  follow();
  const pauses: number[] = [];
  for (let attempt = 0; attempt < 4; attempt += 1) {
    const before = Date.now();
    sockets.at(-1)?.onclose?.({ code: 1006 });
    await vi.runOnlyPendingTimersAsync();
    pauses.push(Date.now() - before);
  }
  expect(pauses[3]).toBeGreaterThan((pauses[0] ?? 0) * 3);
});

test("it does not knock where it may not come in", async () => {
  const { states } = follow([4404]);
  sockets[0]?.onclose?.({ code: 4404 });
  await vi.runOnlyPendingTimersAsync();
  expect(sockets).toHaveLength(1);
  expect(states.at(-1)).toBe("offline");
});

test("closed on purpose it stays closed", async () => {
  const { socket } = follow();
  socket.close();
  sockets[0]?.onclose?.({ code: 1000 });
  await vi.runOnlyPendingTimersAsync();
  expect(sockets).toHaveLength(1);
});
