"""Connections of psycopg that end when the server is silent for too long in the middle of an answer.

Keepalives find a machine that is gone. They do not find a server that hangs, nor a firewall or proxy in between that
takes everything and passes nothing on: whoever waits for such an answer would wait for ever.
"""

import logging
import os
import socket
import time
from contextlib import suppress
from typing import Any, TypeVar

from psycopg import AsyncConnection, Connection, Error
from psycopg.abc import PQGen

logger = logging.getLogger(__name__)

#: A connection that answered within so long needs no check before it is used again.
RESTED_SECONDS = 0.5

Answer = TypeVar("Answer")
Row = TypeVar("Row")


class PatientConnection(Connection[Row]):
    """A connection that is cut after `silence_seconds` without a byte while an answer is awaited; 0: never."""

    silence_seconds: float = 0
    #: When the last answer was complete, by the monotonic clock.
    heard_at: float = 0

    @classmethod
    def connect(  # type: ignore[override]  # one option more
        cls, conninfo: str = "", *, silence_seconds: float = 0, **options: Any
    ) -> Any:
        """A new connection."""
        connection = super().connect(conninfo, **options)
        connection.silence_seconds = silence_seconds
        return connection

    def wait(self, gen: PQGen[Answer], *args: Any, **options: Any) -> Answer:
        """What psycopg's generator gives in the end; it is told each tenth of a second that nothing has come."""
        answer = super().wait(listening(self, gen), *args, **options)
        self.heard_at = time.monotonic()
        return answer

    def execute(self, query: Any, *args: Any, **options: Any) -> Any:
        """As psycopg's; the empty statement, with which a pool checks a connection, only if that has rested."""
        if query == "" and time.monotonic() - self.heard_at < RESTED_SECONDS:
            return self.cursor()
        return super().execute(query, *args, **options)


class PatientAsyncConnection(AsyncConnection[Row]):
    """The same for asyncio."""

    silence_seconds: float = 0

    @classmethod
    async def connect(  # type: ignore[override]  # one option more
        cls, conninfo: str = "", *, silence_seconds: float = 0, **options: Any
    ) -> Any:
        """A new connection."""
        connection = await super().connect(conninfo, **options)
        connection.silence_seconds = silence_seconds
        return connection

    async def wait(self, gen: PQGen[Answer], *args: Any, **options: Any) -> Answer:
        """What psycopg's generator gives in the end."""
        return await super().wait(listening(self, gen), *args, **options)


def listening(
    connection: "PatientConnection[Any] | PatientAsyncConnection[Any]", generator: PQGen[Answer]
) -> PQGen[Answer]:
    """The generator; the connection is cut when nothing comes for its `silence_seconds`.

    The cut is made on the socket, so that libpq itself finds the connection closed and psycopg raises as always.
    """
    heard_at = time.monotonic()
    try:
        wanted = next(generator)
        while True:
            ready = yield wanted
            if ready:
                heard_at = time.monotonic()
            elif 0 < connection.silence_seconds < time.monotonic() - heard_at:
                logger.warning(
                    "database silent for %g s: connection cut",
                    connection.silence_seconds,
                    extra={"action": "database_silent"},
                )
                cut(connection)
            wanted = generator.send(ready)
    except StopIteration as end:
        answer: Answer = end.value
        return answer


def cut(connection: "PatientConnection[Any] | PatientAsyncConnection[Any]") -> None:
    """End the connection on both sides; from any thread. Whoever uses it gets an error."""
    with suppress(Error, OSError), socket.socket(fileno=os.dup(connection.pgconn.socket)) as copy:
        copy.shutdown(socket.SHUT_RDWR)
