"""Blocks that run in a process: the host's side. The other side is `jobs.run_node` in a `nodes` worker."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import suppress
from typing import Any
from uuid import UUID

from blocks.base import BlockError
from executions.context import NodeContext
from executions.engine.plan import NodePlan
from executions.ids import uuid7
from executions.store import Store
from executions.values import encode

logger = logging.getLogger(__name__)

#: How often the database is asked when no bell rings.
POLL_SECONDS = 1.0
#: A process that has not said for so long that it lives is gone.
SILENT_SECONDS = 6.0
#: A job that nobody took for so long is put into the queue again.
UNTAKEN_SECONDS = 15.0
MAX_TOKENS = 3

INSERT = """
    INSERT INTO executions_nodejob (token, node_execution_id, execution_id, payload, claimed_by)
    VALUES (%s, %s, %s, %s::json, '') ON CONFLICT DO NOTHING
"""
LOOK = """
    SELECT result, ended_at IS NOT NULL AS ended,
        claimed_at IS NOT NULL AND coalesce(beat_at, claimed_at) < clock_timestamp() - make_interval(secs => %s) AS silent,
        claimed_at IS NULL AS untaken
    FROM executions_nodejob WHERE token = %s
"""
#: Whatever runs it ends itself when it finds its row gone.
DROP = "DELETE FROM executions_nodejob WHERE token = %s"

#: Puts a token into the `nodes` queue.
Enqueue = Callable[[UUID], None]


class Vanished(Exception):
    """The process that ran the job is gone."""


class IsolatedRunner:
    """Starts node jobs, waits for their results without polling tightly, takes them back when they are not wanted."""

    def __init__(self, store: Store, *, enqueue: Enqueue) -> None:
        self._store = store
        self._enqueue = enqueue
        self._bells: dict[UUID, asyncio.Event] = {}

    def ring(self, token: UUID) -> None:
        """The job with this token may have ended."""
        if bell := self._bells.get(token):
            bell.set()

    async def run(
        self, node: NodePlan, values: Mapping[str, Any], context: NodeContext
    ) -> AsyncGenerator[tuple[str, Any]]:
        """The values that the block yields in its process; a process that vanishes is replaced a few times."""
        payload = encode(_payload(node, values, context)).text.decode()
        for attempt in range(MAX_TOKENS):
            try:
                result = await self._one(payload, context)
                break
            except Vanished:
                context.log(f"The process that ran this node is gone (try {attempt + 1} of {MAX_TOKENS}).", "warning")
        else:
            raise BlockError(f"The process that ran this node ended {MAX_TOKENS} times without an answer.", retry=False)
        context.lines += result["log"]
        for port, value in result["outputs"]:
            yield port, value
        if error := result["error"]:
            raise BlockError(error["message"], retry=error["retry"])

    async def _one(self, payload: str, context: NodeContext) -> dict[str, Any]:
        token = uuid7()
        bell = self._bells[token] = asyncio.Event()
        try:
            await self._store.run(INSERT, (token, UUID(context.idempotency_key), UUID(context.execution_id), payload))
            await self._ring_queue(token)
            return await self._wait(token, bell)
        finally:
            del self._bells[token]
            await asyncio.shield(self._store.run(DROP, (token,)))

    async def _wait(self, token: UUID, bell: asyncio.Event) -> dict[str, Any]:
        waited = 0.0
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(POLL_SECONDS):
                    await bell.wait()
            bell.clear()
            found = await self._store.rows(LOOK, (SILENT_SECONDS, token))
            if not found:  # the execution was ended or deleted from outside
                raise Vanished
            (row,) = found
            if row["ended"]:
                result: dict[str, Any] = row["result"]
                return result
            if row["silent"]:
                raise Vanished
            waited = waited + POLL_SECONDS if row["untaken"] else 0.0
            if waited >= UNTAKEN_SECONDS:
                waited = 0.0
                await self._ring_queue(token)

    async def _ring_queue(self, token: UUID) -> None:
        """A queue that is away costs time: the token is offered again later."""
        try:
            await asyncio.get_running_loop().run_in_executor(None, self._enqueue, token)
        except Exception as error:  # noqa: BLE001 - whatever Redis raises: the database stays the truth
            logger.warning("node job not queued: %s", error, extra={"action": "node_job_not_queued"})


def _payload(node: NodePlan, values: Mapping[str, Any], context: NodeContext) -> dict[str, Any]:
    return {
        "block": node.block_id,
        "input": dict(values),
        "timeout_seconds": node.policy.timeout_seconds,
        "context": {
            "execution_id": context.execution_id,
            "node": context.node,
            "path": list(context.path),
            "attempt": context.attempt,
            "idempotency_key": context.idempotency_key,
            "user": {"id": context.user.id, "name": context.user.name},
            "execution_inputs": dict(context.execution_inputs),
            "indices": {port: list(numbers) for port, numbers in context.indices.items()},
        },
    }
