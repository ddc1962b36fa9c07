"""A network that can be cut: a TCP proxy in front of a server, which stalls, resets, passes one way only, or loses for good."""

import asyncio
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Self

CHUNK_BYTES = 65_536
#: Enough of what a client says to know it by.
HELLO_BYTES = 500
#: Directions: from the client to the server, and back.
UP, DOWN = "up", "down"
BOTH = frozenset({UP, DOWN})

#: The path of a unix socket, or a host and a port.
Address = str | tuple[str, int]


class Proxy:
    """Passes everything on to a server, from a thread of its own, until told otherwise.

    with Proxy(rig.postgres.socket_path) as proxy:
        … proxy.port …
        with proxy.stalled(): ...          # takes connections and bytes, and passes nothing on
    """

    def __init__(self, upstream: Address) -> None:
        self.upstream = upstream
        self.port = 0
        #: Connections taken so far.
        self.taken = 0
        self._lines: set[_Line] = set()
        self._cut: frozenset[str] = frozenset()
        self._is_resetting = False
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        listening = asyncio.run_coroutine_threadsafe(asyncio.start_server(self._take, "127.0.0.1", 0), self._loop)
        self._server = listening.result()
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    @contextmanager
    def stalled(self, directions: frozenset[str] = BOTH, *, loses: bool = False) -> Iterator[None]:
        """Nothing passes inside. Afterwards what was held back does, or never will: `loses` what was open."""
        self._do(lambda: self._stall(directions))
        try:
            yield
        finally:
            self._do(lambda: self._heal(loses=loses))

    @contextmanager
    def resetting(self) -> Iterator[None]:
        """Inside, open connections are reset, and new ones at once."""
        self._do(self._begin_resetting)
        try:
            yield
        finally:
            self._do(self._end_resetting)

    def lose(self, *, saying: bytes = b"") -> int:
        """Nothing passes any more on what is open now of those who began so; new connections are well. How many these are."""
        chosen = [line for line in list(self._lines) if saying in line.hello]

        def close() -> None:
            for line in chosen:
                line.close_gates(BOTH)

        self._do(close)
        return len(chosen)

    def reset(self) -> None:
        """Reset what is open now."""
        self._do(self._reset_all)

    @property
    def open(self) -> int:
        """Connections that are open."""
        return len(self._lines)

    # On the proxy's own loop

    def _do(self, act: Callable[[], object]) -> None:
        async def carry_out() -> None:
            act()

        asyncio.run_coroutine_threadsafe(carry_out(), self._loop).result()

    def _stall(self, directions: frozenset[str]) -> None:
        self._cut = directions
        for line in self._lines:
            line.close_gates(directions)

    def _heal(self, *, loses: bool) -> None:
        self._cut = frozenset()
        for line in () if loses else self._lines:
            line.open_gates()

    def _begin_resetting(self) -> None:
        self._is_resetting = True
        self._reset_all()

    def _end_resetting(self) -> None:
        self._is_resetting = False

    def _reset_all(self) -> None:
        for line in list(self._lines):
            line.reset()

    async def _close(self) -> None:
        self._server.close()
        self._reset_all()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.taken += 1
        line = _Line(reader, writer)
        line.close_gates(self._cut)
        self._lines.add(line)
        try:
            if self._is_resetting:
                line.reset()
            else:
                await line.run(self.upstream)
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            self._lines.discard(line)
            line.close()


class _Line:
    """One connection through the proxy."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        #: What the client said first.
        self.hello = b""
        self._client = reader, writer
        self._writers = [writer]
        self._gates = {UP: asyncio.Event(), DOWN: asyncio.Event()}
        self.open_gates()

    def open_gates(self) -> None:
        for gate in self._gates.values():
            gate.set()

    def close_gates(self, directions: frozenset[str]) -> None:
        for direction in directions:
            self._gates[direction].clear()

    async def run(self, upstream: Address) -> None:
        """Pass on until one side closes."""
        await self._gates[UP].wait()
        if isinstance(upstream, str):
            server_reader, server_writer = await asyncio.open_unix_connection(upstream)
        else:
            server_reader, server_writer = await asyncio.open_connection(*upstream)
        self._writers.append(server_writer)
        client_reader, client_writer = self._client
        pumps = [
            asyncio.create_task(self._pump(client_reader, server_writer, UP)),
            asyncio.create_task(self._pump(server_reader, client_writer, DOWN)),
        ]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, direction: str) -> None:
        while chunk := await reader.read(CHUNK_BYTES):
            if direction == UP and len(self.hello) < HELLO_BYTES:
                self.hello += chunk
            await self._gates[direction].wait()
            writer.write(chunk)
            await writer.drain()
        await self._gates[direction].wait()  # that one side has ended is not heard either

    def close(self) -> None:
        """End both sides in order."""
        for writer in self._writers:
            writer.close()

    def reset(self) -> None:
        """End both sides with a reset."""
        for writer in self._writers:
            if (found := writer.get_extra_info("socket")) is not None and found.family != socket.AF_UNIX:
                with suppress(OSError):
                    found.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()
