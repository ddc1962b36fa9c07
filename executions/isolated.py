"""Blocks that run in a process: the host's side. The other side is a `nodes` worker (`executions.crew`)."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping
from dataclasses import asdict
from datetime import datetime
from functools import partial
from typing import Any, Protocol
from uuid import UUID

from blocks.base import BlockError, Effect
from executions.clock import now
from executions.context import NodeContext
from executions.crash_points import Point, reached
from executions.engine.plan import NodePlan
from executions.ids import uuid7
from executions.store import Store
from executions.values import encode

logger = logging.getLogger(__name__)

#: How often the database is asked when no bell rings.
POLL_SECONDS = 1.0
#: A process that has not said for so long that it lives is gone.
SILENT_SECONDS = 6.0
#: A job that nobody took for so long and that is not in the queue any more is put there again.
UNTAKEN_SECONDS = 2.0
MAX_TOKENS = 3

#: Only for an execution that this worker still holds: the lock lets whoever takes it over come before or after.
INSERT = """
    INSERT INTO executions_nodejob (token, node_execution_id, execution_id, payload, claimed_by, created_at)
    SELECT %s, %s, e.id, %s::json, '', coalesce(%s, clock_timestamp()) FROM executions_execution e
    WHERE e.id = %s AND e.holder_id = %s AND e.ended_at IS NULL FOR KEY SHARE OF e
    ON CONFLICT DO NOTHING
"""
#: Of these jobs those that nobody has taken; `settled` are those that have ended, gone silent or been dropped.
LOOK = """
    SELECT mine.token, j.claimed_at IS NULL AND j.ended_at IS NULL AND j.token IS NOT NULL AS untaken,
        j.token IS NULL OR j.ended_at IS NOT NULL
            OR coalesce(j.beat_at, j.claimed_at) < clock_timestamp() - make_interval(secs => %s) AS settled,
        j.created_at < clock_timestamp() - make_interval(secs => %s) AS old
    FROM unnest(%s::uuid[]) AS mine(token) LEFT JOIN executions_nodejob j ON j.token = mine.token
"""
RESULT = """
    SELECT result, ended_at IS NOT NULL AS ended,
        ended_at IS NULL AND coalesce(beat_at, claimed_at) < clock_timestamp() - make_interval(secs => %s) AS silent
    FROM executions_nodejob WHERE token = %s
"""
#: Whatever runs it ends itself when it finds its row gone.
DROP = "DELETE FROM executions_nodejob WHERE token = %s"


class Queue(Protocol):
    """The queue of the node workers; its methods block, and may fail in any way that Redis can."""

    def put(self, token: UUID, *, is_urgent: bool = False) -> None:
        """Offer the job; an urgent one before those that wait."""

    def missing(self, tokens: Iterable[UUID]) -> list[UUID]:
        """Those of the jobs that are not in the queue."""


class Vanished(Exception):
    """The process that ran the job is gone."""


class IsolatedRunner:
    """Starts node jobs, waits for their results without polling tightly, takes them back when they are not wanted."""

    def __init__(self, store: Store, queue: Queue) -> None:
        self._store = store
        self._queue = queue
        #: Of the jobs that run or wait for a worker.
        self._bells: dict[UUID, asyncio.Event] = {}

    def ring(self, token: UUID) -> None:
        """The job with this token may have ended."""
        if bell := self._bells.get(token):
            bell.set()

    async def watch(self) -> None:
        """Find once in a while what no bell told; never ends by itself."""
        while True:
            await asyncio.sleep(POLL_SECONDS)
            if self._bells:
                await self._look()

    async def _look(self) -> None:
        tokens = list(self._bells)
        found = await self._store.rows(LOOK, (SILENT_SECONDS, UNTAKEN_SECONDS, tokens))
        for row in found:
            if row["settled"]:
                self.ring(row["token"])
        if untaken := [row["token"] for row in found if row["untaken"] and row["old"]]:
            await self._offer_lost(untaken)

    async def _offer_lost(self, untaken: list[UUID]) -> None:
        """Put what a queue that was emptied has lost there again; a long queue is no reason to."""

        def offer() -> None:
            for token in self._queue.missing(untaken):
                self._queue.put(token)

        await self._try_queue(offer)

    async def run(
        self, node: NodePlan, values: Mapping[str, Any], context: NodeContext
    ) -> AsyncGenerator[tuple[str, Any]]:
        """The values that the block yields in its process; a process that vanishes is replaced a few times.

        Raises:
            Vanished: it must not be replaced, and nobody knows how far it came.
        """
        payload = encode(_payload(node, values, context)).text.decode()
        began_at = now()
        for attempt in range(MAX_TOKENS):
            try:
                result = await self._one(payload, context, began_at if attempt else None)
                break
            except Vanished:
                if node.effect is Effect.ONCE:
                    raise
                context.log(f"The process that ran this node is gone (try {attempt + 1} of {MAX_TOKENS}).", "warning")
        else:
            raise BlockError(f"The process that ran this node ended {MAX_TOKENS} times without an answer.", retry=False)
        context.lines += result["log"]
        context.usage(**result.get("usage", {}))  # a worker of an earlier release says nothing of it
        for port, value in result["outputs"]:
            yield port, value
        if error := result["error"]:
            raise BlockError(error["message"], retry=error["retry"], after_seconds=error.get("after", 0))

    async def _one(self, payload: str, context: NodeContext, place: datetime | None) -> dict[str, Any]:
        """The result of one job; one that stands for another keeps its `place` among those that wait."""
        token = uuid7()
        try:
            node, execution = UUID(context.idempotency_key), UUID(context.execution_id)
            await self._store.run(INSERT, (token, node, payload, place, execution, self._store.worker))
            reached(Point.JOB_STORED, context)
            bell = self._bells[token] = asyncio.Event()
            await self._try_queue(partial(self._queue.put, token, is_urgent=place is not None))
            reached(Point.JOB_QUEUED, context)
            result = await self._result(token, bell)
            reached(Point.JOB_READ, context)
            return result
        finally:
            self._bells.pop(token, None)
            await asyncio.shield(self._store.run(DROP, (token,)))

    async def _result(self, token: UUID, bell: asyncio.Event) -> dict[str, Any]:
        while True:
            await bell.wait()
            bell.clear()
            found = await self._store.rows(RESULT, (SILENT_SECONDS, token))
            if not found or found[0]["silent"]:  # without a row the execution was ended or deleted from outside
                raise Vanished
            if found[0]["ended"]:
                result: dict[str, Any] = found[0]["result"]
                return result

    async def _try_queue(self, act: Callable[[], None]) -> None:
        """A queue that is away costs time: jobs are offered again later."""
        try:
            await asyncio.get_running_loop().run_in_executor(None, act)
        except Exception as error:  # noqa: BLE001 - whatever Redis raises: the database stays the truth
            logger.warning("node jobs not queued: %s", error, extra={"action": "node_jobs_not_queued"})


def _payload(node: NodePlan, values: Mapping[str, Any], context: NodeContext) -> dict[str, Any]:
    return {
        "block": node.block_id,
        "input": dict(values),
        "timeout_seconds": node.policy.timeout_seconds,
        "once": node.effect is Effect.ONCE,
        "context": {
            "execution_id": context.execution_id,
            "node": context.node,
            "path": list(context.path),
            "attempt": context.attempt,
            "idempotency_key": context.idempotency_key,
            "user": asdict(context.user),
            "execution_inputs": dict(context.execution_inputs),
            "indices": {port: list(numbers) for port, numbers in context.indices.items()},
        },
    }
