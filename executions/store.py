"""What a hosting worker asks the database besides writing results: claim, load, hand back, sign on and off."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, LiteralString, NamedTuple, TypeVar
from uuid import UUID

from django.conf import settings
from psycopg import AsyncConnection
from psycopg.rows import class_row, dict_row

from blocks.context import BlockUser
from executions.clock import clock
from executions.database import AWAY, Connections
from executions.ending import CLOSE, CLOSE_OTHERS, EVENTS, FAIL
from executions.engine.status import Reason
from executions.turns import ALONE, DUE
from executions.turns import parameters as turn_parameters

logger = logging.getLogger(__name__)

#: Wait before asking a database again that is away; doubled each time up to the second.
RETRY_SECONDS, MOST_RETRY_SECONDS = 0.25, 2.0
CONNECTIONS = 4

Answer = TypeVar("Answer")

SIGN_ON = """
    INSERT INTO executions_worker (id, name, host, process_id, queue, capacity, version, expires_at)
    VALUES (%s, %s, %s, %s, %s, %s, %s, clock_timestamp() + make_interval(secs => %s))
    ON CONFLICT (id) DO UPDATE SET expires_at = EXCLUDED.expires_at RETURNING clock_timestamp() AS moment
"""
#: With so many workers lost in it an execution is suspected to end them, and tried with caution (`executions.trials`).
SUSPICIOUS = 3
#: Who is next, whoever rang, is said in `executions.turns`.
CLAIM = f"""
    WITH {DUE}, claimed AS (
        UPDATE executions_execution e SET status = 'running', holder_id = %(worker)s, epoch = e.epoch + 1,
            started_at = coalesce(e.started_at, clock_timestamp()),
            wake_at = NULL,
            events = CASE WHEN NOT due.is_resumed
                THEN e.events ELSE {EVENTS} || jsonb_build_array(jsonb_build_object(
                'at', clock_timestamp(), 'kind', 'resumed', 'seq', e.seq,
                'text', 'Resumed on worker ' || %(name)s::text)) END
        FROM due WHERE e.id = due.id
        RETURNING e.*, due.is_resumed, due.is_crowded
    )
    SELECT c.id, c.graph_id AS graph, c.version_id AS version, c.epoch, c.seq, c.inputs, c.started_at, c.concurrency,
        c.parent_id AS parent, c.node_limit, c.depth_limit, c.choice, c.retry_of_id AS retry_of, c.use_pins,
        c.is_resumed, c.is_crowded, extract(epoch FROM clock_timestamp() - c.queued_at)::float AS waited_seconds,
        c.restored_at IS NOT NULL AS is_restored,
        u.id AS user_id, u.username AS user_name,
        p.time_zone AS user_time_zone, p.locale AS user_locale, p.preferences AS user_preferences
    FROM claimed c JOIN auth_user u ON u.id = c.owner_id LEFT JOIN accounts_profile p ON p.user_id = u.id ORDER BY c.id
"""  # noqa: S608 - parts of our own
NODES = """
    SELECT id, node, path, ordinal, attempt, status, error, arrivals, log, waits, usage, reused, pinned, queued_at, started_at, ended_at, seq
    FROM executions_nodeexecution WHERE execution_id = %s ORDER BY seq
"""
OUTPUTS = """
    SELECT seq, node_execution_id, port, value, blob_id FROM executions_output WHERE execution_id = %s ORDER BY seq
"""
#: One of this worker's executions, or all of them.
RELEASE = f"""
    WITH released AS (
        UPDATE executions_execution e SET status = 'queued', holder_id = NULL, epoch = e.epoch + 1, seq = e.seq + 1,
            queued_at = clock_timestamp(),
            events = {EVENTS} || jsonb_build_array(jsonb_build_object(
                'at', clock_timestamp(), 'kind', 'handed_over', 'seq', e.seq + 1,
                'text', 'Handed over by worker ' || %(name)s::text))
        WHERE e.holder_id = %(worker)s AND e.ended_at IS NULL AND (%(id)s::uuid IS NULL OR e.id = %(id)s)
        RETURNING e.id, e.graph_id AS graph, e.seq
    ), unwanted AS (
        DELETE FROM executions_nodejob WHERE execution_id IN (SELECT id FROM released)
    )
    SELECT id, graph, seq FROM released
"""  # noqa: S608 - parts of our own
HELD = """
    SELECT id, cancel_requested_at IS NOT NULL AS is_cancelled FROM executions_execution
    WHERE holder_id = %s AND status IN ('queued', 'running', 'waiting')
"""
SOURCE = "SELECT version_id AS version, choice FROM executions_execution WHERE id = %s"
#: Also what is gone, because nobody will answer for it any more.
ANSWERED = """
    SELECT id FROM unnest(%(ids)s::uuid[]) AS awaited(id)
    WHERE NOT EXISTS (SELECT 1 FROM executions_approval a WHERE a.id = awaited.id AND a.decided_at IS NULL)
        AND NOT EXISTS (SELECT 1 FROM executions_execution e WHERE e.id = awaited.id AND e.ended_at IS NULL)
"""
SIGN_OFF = "UPDATE executions_worker SET stopped_at = clock_timestamp(), expires_at = clock_timestamp() WHERE id = %s"


@dataclass(frozen=True, slots=True)
class Claim:
    """An execution that this worker may advance, with the epoch that proves it."""

    id: UUID
    graph: int
    version: int
    epoch: int
    seq: int
    inputs: dict[str, Any]
    started_at: datetime
    concurrency: int
    parent: UUID | None
    node_limit: int | None
    depth_limit: int | None
    choice: dict[str, Any] | None
    retry_of: UUID | None
    use_pins: bool
    #: A worker was lost that had it, or gave it back, or it comes from a backup.
    is_resumed: bool
    #: So many owners and graphs wait that each could have only a few: there may be more to claim.
    is_crowded: bool
    #: Since it was queued.
    waited_seconds: float
    #: It was active in a backup: what it did afterwards nobody knows.
    is_restored: bool
    user_id: int
    user_name: str
    #: Of the profile; null without one.
    user_time_zone: str | None = None
    user_locale: str | None = None
    user_preferences: dict[str, Any] | None = None

    @property
    def user(self) -> BlockUser:
        """What blocks may know of the owner."""
        return BlockUser(
            self.user_id,
            self.user_name,
            self.user_time_zone or "UTC",
            self.user_locale or "en",
            self.user_preferences or {},
        )


class Source(NamedTuple):
    """What an execution ran whose results another one keeps."""

    version: int
    choice: dict[str, Any] | None


class Held(NamedTuple):
    """An execution that this worker holds by the database."""

    id: UUID
    is_cancelled: bool


class Changed(NamedTuple):
    """An execution that was handed back or ended, for those who follow it."""

    id: UUID
    graph: int
    seq: int


class Store:
    """A few connections.

    While the database is away every method but `claim` and `transaction` asks again until it answers, which the end of
    the lease bounds; so what they do may be done twice.
    """

    def __init__(self, worker: UUID, name: str) -> None:
        self.worker = worker
        self.name = name
        self._connections = Connections(
            f"agentflow worker {worker.hex}", size=CONNECTIONS, silence_seconds=settings.DATABASE_SECONDS
        )

    @asynccontextmanager
    async def opened(self) -> AsyncIterator["Store"]:
        """No connection is left behind."""
        try:
            yield self
        finally:
            await self._connections.close()

    async def sign_on(self, *, host: str, process_id: int, queue: str, capacity: int, version: str) -> None:
        """Make the worker's row with a fresh lease, and learn the database's time."""
        parameters = (self.worker, self.name, host, process_id, queue, capacity, version, settings.LEASE_SECONDS)
        asked_at = time.monotonic()
        (row,) = await self.rows(SIGN_ON, parameters)
        clock.learn(row["moment"], asked_at=asked_at, answered_at=time.monotonic())

    async def sign_off(self) -> None:
        """The lease ends now."""
        await self.run(SIGN_OFF, (self.worker,))

    async def claim(self, limit: int, *, extra: int = 0, admitted: Iterable[UUID] = ()) -> list[Claim]:
        """At most `limit` queued executions, whose turn it is; suspects if admitted.

        Besides up to `extra` ones of owners who have nothing running.

        Raises:
            database.AWAY: no answer; what was claimed nevertheless is found by `held`.
        """
        parameters = {
            **turn_parameters(limit, extra),
            "worker": self.worker,
            "name": self.name,
            "suspicious": SUSPICIOUS,
            "admitted": list(admitted),
        }
        async with self._connections.one() as connection, connection.cursor(row_factory=class_row(Claim)) as cursor:
            async with connection.pipeline():  # one round trip and one transaction: a halted worker keeps no lock
                await connection.execute(ALONE, prepare=True)
                await cursor.execute(CLAIM, parameters, prepare=True)
            claims: list[Claim] = await cursor.fetchall()
            return claims

    async def is_anything_queued(self) -> bool:
        """Some execution waits for a worker."""
        return bool(await self.rows("SELECT 1 FROM executions_execution WHERE status = 'queued' LIMIT 1"))

    async def recorded(self, execution: UUID) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """Node executions and outputs of an execution, each by `seq`."""
        return await self.rows(NODES, (execution,)), await self.rows(OUTPUTS, (execution,))

    async def version_spec(self, version: int) -> dict[str, Any]:
        """The canonical JSON of a graph version."""
        rows = await self.rows("SELECT spec FROM graphs_graphversion WHERE id = %s", (version,))
        spec: dict[str, Any] = rows[0]["spec"]
        return spec

    async def held(self) -> list[Held]:
        """Executions that this worker holds by the database."""
        return [Held(**row) for row in await self.rows(HELD, (self.worker,))]

    async def source(self, execution: UUID) -> Source | None:
        """What an earlier execution ran; None: it is gone."""
        rows = await self.rows(SOURCE, (execution,))
        return Source(**rows[0]) if rows else None

    async def answered(self, awaited: Iterable[UUID]) -> set[UUID]:
        """Which of these approvals are decided, which of these executions over or gone."""
        return {row["id"] for row in await self.rows(ANSWERED, {"ids": list(awaited)})}

    async def release(self, execution: UUID | None = None) -> list[Changed]:
        """Hand one execution back, or all: QUEUED, and what this worker still writes of them is lost."""
        parameters = {"id": execution, "worker": self.worker, "name": self.name}
        return [Changed(**row) for row in await self.rows(RELEASE, parameters)]

    async def give_up(self, claim: Claim, error: str) -> list[Changed]:
        """End an execution that cannot go on; `error` is JSON."""

        async def act(connection: AsyncConnection[Any]) -> list[Changed]:
            async with connection.transaction(), connection.cursor(row_factory=class_row(Changed)) as cursor:
                parameters = {"ids": [claim.id], "epoch": claim.epoch, "reason": Reason.INVALID.value, "error": error}
                await cursor.execute(FAIL, parameters)
                failed: list[Changed] = await cursor.fetchall()
                for statement in (CLOSE, CLOSE_OTHERS):
                    await cursor.execute(statement, {"ids": [row.id for row in failed]})
                return failed

        return await self._until_answered(act)

    async def rows(self, statement: LiteralString, parameters: Any = None) -> list[dict[str, Any]]:
        """The rows of a statement as dicts."""

        async def act(connection: AsyncConnection[Any]) -> list[dict[str, Any]]:
            async with connection.cursor(row_factory=dict_row) as cursor:
                await cursor.execute(statement, parameters)
                found: list[dict[str, Any]] = await cursor.fetchall()
                return found

        return await self._until_answered(act)

    async def run(self, statement: LiteralString, parameters: Any = None) -> int:
        """Carry out a statement; the number of rows that it changed."""

        async def act(connection: AsyncConnection[Any]) -> int:
            return (await connection.execute(statement, parameters)).rowcount

        return await self._until_answered(act)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Any]:
        """A connection inside a transaction."""
        async with self._connections.one() as connection, connection.transaction():
            yield connection

    async def transact(self, act: Callable[[AsyncConnection[Any]], Awaitable[Answer]]) -> Answer:
        """What it answers, done in one transaction."""

        async def whole(connection: AsyncConnection[Any]) -> Answer:
            async with connection.transaction():
                return await act(connection)

        return await self._until_answered(whole)

    async def _until_answered(self, act: Callable[[AsyncConnection[Any]], Awaitable[Answer]]) -> Answer:
        delay = RETRY_SECONDS
        while True:
            try:
                async with self._connections.one() as connection:
                    return await act(connection)
            except AWAY as error:
                logger.warning("database away: %s", error, extra={"action": "store_retry"})
                await asyncio.sleep(delay)
                delay = min(delay * 2, MOST_RETRY_SECONDS)
