"""The only recovery path: what nobody advances is found by its state and given to whoever is alive.

One worker at a time does the work (an advisory lock); every statement decides by what is, never by a "sent" flag, skips
what others have locked, and so may run twice or be cut off anywhere.
"""

import asyncio
import logging
import random
from collections.abc import Iterable, Mapping
from typing import Any, LiteralString

import orjson
from django.conf import settings
from psycopg.rows import dict_row

from agentflow.accounts.audit import forget_old
from executions import trials
from executions.control import Bell
from executions.crash_points import Point, reached
from executions.database import AWAY
from executions.ending import CLOSE, CLOSE_OTHERS, END_CANCELLED, EVENTS, FAIL, parameters
from executions.engine.status import Reason
from executions.gauges import Gauges
from executions.parents import tell_parents
from executions.store import Store
from executions.totals import fold
from executions.trials import BLAMED, LOSSES, MOST_LOST

logger = logging.getLogger(__name__)

#: Any number, as long as nobody else uses it: "agentflo" in ASCII.
LOCK = "SELECT pg_try_advisory_xact_lock(7017280452245743727)"
#: Most rows that one statement touches, or of one worker.
BATCH = 500
DUE_BATCH = 2_000
WORKERS_KEPT_DAYS = 1

#: Sessions that dead workers have left behind, with what they have locked: one that was cut off, or is halted, between
#: two messages of a pipeline would keep it for good, because no limit of the server's applies there. Ends them at once.
END_SESSIONS = """
    SELECT pg_terminate_backend(a.pid, 500) FROM pg_stat_activity a JOIN executions_worker w
    ON a.application_name LIKE 'agentflow %%' AND split_part(a.application_name, ' ', 3) = replace(w.id::text, '-', '')
    WHERE a.usename = current_user AND w.expires_at < clock_timestamp() AND w.stopped_at IS NULL
"""
#: From the dead workers to what they hold: the executions that wait, however many, are not looked at.
LOST = f"""
    WITH lost AS (
        SELECT e.id, w.name, w.expires_at, greatest(w.expires_at - make_interval(secs => %(lease)s), (
            SELECT greatest(n.queued_at, n.started_at, n.ended_at) FROM executions_nodeexecution n
            WHERE n.execution_id = e.id ORDER BY n.seq DESC LIMIT 1
        )) AS since FROM executions_worker w CROSS JOIN LATERAL (
            SELECT id FROM executions_execution
            WHERE holder_id = w.id AND status IN ('queued', 'running', 'waiting')
            LIMIT %(batch)s FOR UPDATE SKIP LOCKED
        ) e WHERE w.expires_at < clock_timestamp()
    ), released AS (
        UPDATE executions_execution e SET status = 'queued', holder_id = NULL, epoch = e.epoch + 1, seq = e.seq + 1,
            queued_at = clock_timestamp(),
            events = {EVENTS} || jsonb_build_array(jsonb_build_object(
                'at', clock_timestamp(), 'kind', 'worker_lost', 'seq', e.seq + 1, 'since', lost.since,
                'text', 'Worker ' || lost.name || ' was lost: no sign of life for '
                    || round(extract(epoch FROM clock_timestamp() - lost.since)) || ' s',
                'blamed', {BLAMED}, 'losses', {LOSSES} + {BLAMED}::int))
        FROM lost WHERE e.id = lost.id RETURNING e.id, e.graph_id AS graph, e.seq, e.events
    ), unwanted AS (
        DELETE FROM executions_nodejob WHERE execution_id IN (SELECT id FROM released)
    )
    SELECT id, graph, seq, (events -> -1 ->> 'losses')::int AS times FROM released
"""  # noqa: S608 - parts of our own
#: Timers that are due; `statement_timestamp` stays the same for the statement, so the index gives only these.
DUE = """
    UPDATE executions_execution e SET status = 'queued', wake_at = NULL, queued_at = clock_timestamp()
    FROM (
        SELECT id FROM executions_execution WHERE status = 'waiting' AND wake_at <= statement_timestamp()
        ORDER BY wake_at LIMIT %(batch)s FOR UPDATE SKIP LOCKED
    ) due WHERE e.id = due.id RETURNING e.id, e.graph_id AS graph, e.seq
"""
PRUNE = """
    DELETE FROM executions_worker w WHERE w.expires_at < clock_timestamp() - make_interval(days => %s)
    AND NOT EXISTS (SELECT 1 FROM executions_execution e WHERE e.holder_id = w.id AND e.ended_at IS NULL)
"""


class Sweeper:
    """Looks once in a while for what is stuck."""

    def __init__(self, store: Store, bell: Bell, gauges: Gauges) -> None:
        self._store = store
        self._bell = bell
        self._gauges = gauges

    async def run(self) -> None:
        """Sweep for ever, with jitter so that workers do not meet."""
        while True:
            await asyncio.sleep(settings.SWEEP_SECONDS * random.uniform(0.8, 1.2))  # noqa: S311 - jitter, no secret
            try:
                await self.sweep()
            except AWAY as error:
                logger.warning("not swept: %s", error, extra={"action": "sweep_failed"})

    async def sweep(self) -> None:
        """One round; does nothing while another worker sweeps."""
        async with self._store.transaction() as connection:
            (is_mine,) = await (await connection.execute(LOCK)).fetchone()
            if not is_mine:
                return
            await connection.execute(END_SESSIONS, ())
            lease = settings.LEASE_SECONDS
            lost = await _rows(connection, LOST, {"batch": BATCH, "lease": lease, **trials.parameters(lease)})
            reached(Point.SWEEPING, lost)
            ended = await _rows(connection, END_CANCELLED, parameters())
            ended += await _rows(connection, FAIL, _hopeless(lost))
            if ended:
                ids = {"ids": [row["id"] for row in ended]}
                await connection.execute(CLOSE, ids)
                await connection.execute(CLOSE_OTHERS, ids)
            due = await _rows(connection, DUE, {"batch": DUE_BATCH})
            told = await tell_parents(connection)
            await connection.execute(PRUNE, (WORKERS_KEPT_DAYS,))
            await fold(connection)
            await forget_old(connection)
        reached(Point.SWEPT, lost)
        reached(Point.PARENT_QUEUED, told)
        self._gauges.lost += len(lost)
        for row in lost:
            logger.warning("worker lost", extra={"action": "worker_lost", "execution": str(row["id"])})
        for row in [*lost, *ended, *due]:
            self._bell.wake(row["id"], row["seq"], graph=row["graph"], is_over=True)
        for child, parent, _ in told:
            self._bell.answer(parent, child)
        if lost or due or any(parent.is_queued for parent in told):
            self._bell.ring_workers()


def _hopeless(lost: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """For FAIL: those that lost one worker after the other."""
    detail = f"{MOST_LOST} workers one after the other were lost while they ran it, so it is not tried again."
    return {
        "ids": [row["id"] for row in lost if row["times"] >= MOST_LOST],
        "epoch": None,
        "reason": Reason.LOST.value,
        "error": orjson.dumps({"title": "The run lost its workers", "detail": detail}).decode(),
    }


async def _rows(connection: Any, statement: LiteralString, parameters: Any) -> list[dict[str, Any]]:
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(statement, parameters)
        found: list[dict[str, Any]] = await cursor.fetchall()
        return found
