"""Psycopg connections with Django's settings, for the hot path."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import orjson
import psycopg
from django.db import connections
from psycopg.conninfo import make_conninfo
from psycopg.pq import TransactionStatus
from psycopg.types.json import set_json_dumps

from agentflow.database.limits import PASSING, session_options
from agentflow.database.silence import PatientAsyncConnection

#: What a database raises that is away, or must not be written just now.
AWAY = (psycopg.OperationalError, psycopg.InterfaceError, *PASSING)

Connection = PatientAsyncConnection[Any]


def conninfo(application: str) -> str:
    """Where Django's default database is, in tests the test database; the server's list of sessions says whose it is."""
    chosen = connections["default"].settings_dict
    network = {key: value for key, value in chosen["OPTIONS"].items() if key in NETWORK}
    return make_conninfo(
        dbname=str(chosen["NAME"]),
        user=str(chosen["USER"]) or None,
        password=str(chosen["PASSWORD"]) or None,
        host=str(chosen["HOST"]) or None,
        port=str(chosen["PORT"]) or None,
        application_name=f"{application} {os.getpid()}",
        **network,
    )


#: Those of Django's `OPTIONS` that say how the network is watched.
NETWORK = ("connect_timeout", "keepalives_idle", "keepalives_interval", "keepalives_count", "tcp_user_timeout")


async def connect(application: str, *, silence_seconds: float) -> Connection:
    """A connection in autocommit mode that writes JSON with orjson and does not wait for ever."""
    connection: Connection = await PatientAsyncConnection.connect(
        conninfo(application),
        silence_seconds=silence_seconds,
        options=session_options(silence_seconds),
        autocommit=True,
    )
    set_json_dumps(orjson.dumps, connection)
    return connection


class Connections:
    """At most `size` connections, opened when they are needed and kept.

    It does nothing by itself: after an outage whoever asks first connects, and nobody waits for a timer.
    """

    def __init__(self, application: str, *, size: int, silence_seconds: float) -> None:
        self._application = application
        self._silence_seconds = silence_seconds
        self._room = asyncio.Semaphore(size)
        self._idle: list[Connection] = []

    @asynccontextmanager
    async def one(self) -> AsyncIterator[Connection]:
        """A connection for as long as the context lasts."""
        async with self._room:
            connection = self._idle.pop() if self._idle else await self._connect()
            try:
                yield connection
            except AWAY:  # the others were made before whatever has happened, and a read-only session stays so
                await connection.close()
                await self.close()
                raise
            finally:
                if connection.info.transaction_status == TransactionStatus.IDLE:
                    self._idle.append(connection)
                else:
                    await connection.close()

    async def close(self) -> None:
        """Drop those that nobody uses."""
        idle, self._idle = self._idle, []
        for connection in idle:
            await connection.close()

    async def _connect(self) -> Connection:
        return await connect(self._application, silence_seconds=self._silence_seconds)
