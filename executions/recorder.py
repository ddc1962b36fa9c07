"""Group commit: what all hosted executions have to write goes to the database in one transaction after the other.

There is no timer: everything that arrives while a transaction is in flight goes into the next one, so an idle worker
commits at once and a busy one in large groups. Every transaction first locks the executions that this worker still
holds with the same epoch; what belongs to others is dropped (fencing). The worker's lease is renewed on the same
connection: a recorder that is stuck loses the lease.
"""

import asyncio
import json
import logging
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, NamedTuple
from uuid import UUID

import orjson
import psycopg
from django.conf import settings
from psycopg import AsyncConnection, sql

from agentflow.database import silence
from executions import database, funds
from executions.clock import clock
from executions.crash_points import Point, reached
from executions.ending import CLOSE_OTHERS, TOLD
from executions.gauges import Gauges
from executions.ledger import Batch, ChargeRow, Fenced, Ledger, Right, Unrecordable
from executions.texts import plain
from executions.totals import SAVE, saving
from executions.values import blob_name

logger = logging.getLogger(__name__)

#: The rows' own fault: anything else that the database says may be different in a moment.
REFUSED = (
    psycopg.DataError,
    psycopg.IntegrityError,
    psycopg.errors.ProgramLimitExceeded,
    psycopg.errors.StatementTooComplex,
    psycopg.errors.CardinalityViolation,
    UnicodeEncodeError,
)
#: Characters that are kept of what is no JSON.
MAX_SHOWN = 2_000
#: What is sent so long before the lease ends arrives before others may act.
SURE_SECONDS = 0.25
#: An execution whose row somebody else has locked is written so much later.
BUSY_SECONDS = 0.05

Work = Mapping[Ledger, Batch]

#: Of these executions the ones that this worker may write. One that somebody has locked is left for the next
#: transaction: it must not hold up the others, nor the lease. A cancel that is committed before is seen here, so that no
#: step whose start waits for this transaction starts after it, whether or not the message arrives.
LOCK = """
    SELECT e.id, e.epoch, e.cancel_requested_at IS NOT NULL AS is_cancelled FROM executions_execution e
    JOIN unnest(%s::uuid[], %s::int[]) AS mine(id, epoch) ON e.id = mine.id AND e.epoch = mine.epoch
    WHERE e.holder_id = %s AND e.ended_at IS NULL ORDER BY e.id FOR UPDATE OF e SKIP LOCKED
"""
#: What of the rest is still ours and only busy, and what ended by a transaction of ours whose answer was lost.
REST = """
    SELECT e.id, e.epoch, e.ended_at IS NULL AS is_busy FROM executions_execution e
    JOIN unnest(%s::uuid[], %s::int[], %s::bigint[]) AS mine(id, epoch, seq) ON e.id = mine.id AND e.epoch = mine.epoch
    WHERE e.holder_id = %s AND e.ended_at IS NULL OR e.ended_at IS NOT NULL AND e.seq = mine.seq
"""
BLOBS = """
    INSERT INTO executions_blob (sha256, size, media_type, storage_name)
    SELECT DISTINCT ON (1) * FROM unnest(%s::text[], %s::bigint[], %s::text[], %s::text[])
    ON CONFLICT DO NOTHING
"""
#: Columns of the node execution's upsert; the rows travel as one JSON text: psycopg makes arrays item by item.
NODE_COLUMNS: tuple[tuple[str, str], ...] = (
    ("id", "uuid"),
    ("execution_id", "uuid"),
    ("node", "text"),
    ("block", "text"),
    ("path", "int[]"),
    ("ordinal", "int"),
    ("attempt", "int"),
    ("status", "text"),
    ("error", "jsonb"),
    ("arrivals", "jsonb"),
    ("log", "jsonb"),
    ("waits", "jsonb"),
    ("usage", "jsonb"),
    ("reused", "bool"),
    ("pinned", "bool"),
    ("queued_at", "timestamptz"),
    ("started_at", "timestamptz"),
    ("ended_at", "timestamptz"),
    ("seq", "bigint"),
)
CASTS = {
    "value": "::json",
    "payload": "::json",
}
#: Columns that the recorder leaves at these values.
NODE_CONSTANTS = {"cost": "0"}
NODE_FIXED = frozenset({"id", "execution_id", "node", "block", "path", "ordinal"})
OUTPUT_COLUMNS: tuple[tuple[str, str], ...] = (
    ("execution_id", "uuid"),
    ("seq", "bigint"),
    ("node_execution_id", "uuid"),
    ("index", "int"),
    ("port", "text"),
    ("value", "text"),
    ("blob_id", "text"),
)
APPROVAL_COLUMNS: tuple[tuple[str, str], ...] = (
    ("id", "uuid"),
    ("execution_id", "uuid"),
    ("node_execution_id", "uuid"),
    ("kind", "text"),
    ("instructions", "text"),
    ("payload", "text"),
)
#: Once for each node execution, however often it is told: what it costs goes to it and to its execution with it.
CHARGES = """
    WITH new AS (
        INSERT INTO executions_charge (id, execution_id, graph_id, owner_id, node, block, amount, seconds, usage)
        SELECT r.id, r.execution, r.graph, r.owner, r.node, r.block, r.amount, r.seconds, r.usage::jsonb
        FROM unnest(%s::uuid[], %s::uuid[], %s::bigint[], %s::int[], %s::text[], %s::text[], %s::numeric[], %s::float8[],
            %s::text[]) AS r(id, execution, graph, owner, node, block, amount, seconds, usage)
        ON CONFLICT DO NOTHING RETURNING id, execution_id, amount
    ), nodes AS (
        UPDATE executions_nodeexecution n SET cost = new.amount FROM new WHERE n.id = new.id
    ), executions AS (
        UPDATE executions_execution e SET cost = e.cost + sums.amount
        FROM (SELECT execution_id, sum(amount) AS amount FROM new GROUP BY execution_id) sums
        WHERE e.id = sums.execution_id
    )
    SELECT id FROM new
"""
PROGRESS = """
    UPDATE executions_execution e SET seq = new.seq, counts = new.counts::jsonb
    FROM unnest(%s::uuid[], %s::bigint[], %s::text[]) AS new(id, seq, counts) WHERE e.id = new.id
"""
ENDINGS = f"""
    WITH ended AS (
        UPDATE executions_execution e SET status = new.status, reason = new.reason, error = new.error::jsonb,
            outputs = new.outputs::json, ended_at = new.ended_at, holder_id = NULL
        FROM unnest(%s::uuid[], %s::text[], %s::text[], %s::text[], %s::text[], %s::timestamptz[])
            AS new(id, status, reason, error, outputs, ended_at) WHERE e.id = new.id
        RETURNING e.id, e.graph_id, e.parent_id, e.status
    )
    {TOLD}
"""  # noqa: S608 - parts of our own
#: What somebody has answered meanwhile is not waited for: the execution is queued at once. Whoever answers locks the
#: execution first, as this transaction has, so one of the two sees the other.
PARK = """
    UPDATE executions_execution e SET holder_id = NULL, wake_at = new.wake_at, queued_at = clock_timestamp(), status = CASE
        WHEN EXISTS (
            SELECT 1 FROM unnest(new.awaited::uuid[]) AS awaited(id)
            WHERE NOT EXISTS (SELECT 1 FROM executions_approval a WHERE a.id = awaited.id AND a.decided_at IS NULL)
                AND NOT EXISTS (SELECT 1 FROM executions_execution c WHERE c.id = awaited.id AND c.ended_at IS NULL)
        ) THEN 'queued' ELSE 'waiting' END
    FROM unnest(%s::uuid[], %s::timestamptz[], %s::text[]) AS new(id, wake_at, awaited) WHERE e.id = new.id
"""
RENEW = """
    UPDATE executions_worker SET expires_at = clock_timestamp() + make_interval(secs => %s)
    WHERE id = %s AND stopped_at IS NULL AND expires_at > clock_timestamp() RETURNING clock_timestamp()
"""


def _insert(
    table: str, columns: Sequence[tuple[str, str]], source: str, tail: str, constants: Mapping[str, str] = {}
) -> sql.SQL:
    names = ", ".join([f'"{name}"' for name, _ in columns] + [f'"{name}"' for name in constants])
    picked = ", ".join([f'r."{name}"{CASTS.get(name, "")}' for name, _ in columns] + list(constants.values()))
    # Names of our own columns only; every value is a parameter.
    return sql.SQL(f"INSERT INTO {table} ({names}) SELECT {picked} FROM {source} {tail}")  # noqa: S608


def _arrays(columns: Sequence[tuple[str, str]]) -> str:
    """One array for each column."""
    aliases = ", ".join(f'"{name}"' for name, _ in columns)
    return f"unnest({', '.join(f'%s::{kind}[]' for _, kind in columns)}) AS r({aliases})"


def _json_rows(columns: Sequence[tuple[str, str]]) -> str:
    """A list of objects."""
    types = ", ".join(f'"{name}" {kind}' for name, kind in columns)
    return f"json_to_recordset(%s::json) AS r({types})"


NODES = _insert(
    "executions_nodeexecution",
    NODE_COLUMNS,
    _json_rows(NODE_COLUMNS),
    "ON CONFLICT (id) DO UPDATE SET "
    + ", ".join(f'"{name}" = EXCLUDED."{name}"' for name, _ in NODE_COLUMNS if name not in NODE_FIXED),
    NODE_CONSTANTS,
)
OUTPUTS = _insert("executions_output", OUTPUT_COLUMNS, _arrays(OUTPUT_COLUMNS), "ON CONFLICT DO NOTHING")
APPROVALS = _insert("executions_approval", APPROVAL_COLUMNS, _arrays(APPROVAL_COLUMNS), "ON CONFLICT DO NOTHING")


class LeaseLost(Exception):
    """The lease of this worker ended: others may run its executions now."""


class Recorder:
    """The only writer of hosted executions' state; one per worker."""

    def __init__(self, worker: UUID, *, committed: Callable[[Sequence[tuple[Ledger, Batch]]], None]) -> None:
        self.worker = worker
        self._committed = committed
        self._dirty: dict[Ledger, None] = {}
        self._wanted = asyncio.Event()
        self._connection: database.Connection | None = None
        #: By the monotonic clock, taken before the renewal was sent: the lease lives at least until this + lease.
        self.renewed_at = time.monotonic()
        self.gauges = Gauges()

    async def until_sure(self) -> None:
        """Return when this worker surely has its lease: at once, or after its renewal.

        A process that was paused until its lease was over has lost its right to act, and ends a moment later.
        """
        while time.monotonic() > self.renewed_at + settings.LEASE_SECONDS - SURE_SECONDS:
            await asyncio.sleep(BUSY_SECONDS)

    def touch(self, ledger: Ledger) -> None:
        """The ledger has something to write."""
        if ledger.broken is None:
            self._dirty[ledger] = None
            self._wanted.set()

    async def flush(self, ledger: Ledger) -> None:
        """Return when everything that the ledger has so far is durable.

        Raises:
            Fenced: another worker holds the execution.
            Unrecordable: the database refuses a row.
        """
        if ledger.broken is not None:
            raise ledger.broken
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        ledger.wait(future)
        self.touch(ledger)
        await future

    async def run(self) -> None:
        """Write until cancelled. A database that is away is tried again until the lease ends.

        Raises:
            LeaseLost: the lease was over before it was renewed.
        """
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._until_renewal()):
                    await self._wanted.wait()
            self._wanted.clear()
            if self._until_renewal() <= 0:
                await self._with_retries(self._renew)
            if self._dirty:
                ledgers, self._dirty = self._dirty, {}
                await self._write({ledger: ledger.take() for ledger in ledgers if ledger.broken is None})

    async def close(self) -> None:
        """Drop the connection."""
        if self._connection is not None:
            await self._connection.close()

    def cut(self) -> None:
        """Have the server undo what is being written, and give up its locks; from any thread."""
        if self._connection is not None:
            silence.cut(self._connection)

    def _until_renewal(self) -> float:
        return max(0.0, self.renewed_at + settings.LEASE_RENEW_SECONDS - time.monotonic())

    async def _renew(self, connection: AsyncConnection[Any]) -> None:
        sent_at = time.monotonic()
        answer = await connection.execute(RENEW, (settings.LEASE_SECONDS, self.worker))
        row = await answer.fetchone()
        if row is None:
            raise LeaseLost
        clock.learn(row[0], asked_at=sent_at, answered_at=time.monotonic())
        self.renewed_at = sent_at
        self.gauges.renewals += 1
        await connection.execute(SAVE, saving(self.gauges, self.worker))

    async def _write(self, work: Work) -> None:
        """One transaction; on a row that the database refuses, halves of it until the culprit is alone."""
        began = time.perf_counter()
        try:
            found = await self._with_retries(lambda connection: _transaction(connection, self.worker, work))
        except REFUSED as error:
            if len(work) == 1:
                self._refuse(work, error)
                return
            ledgers = list(work)
            for half in (ledgers[: len(ledgers) // 2], ledgers[len(ledgers) // 2 :]):
                await self._write({ledger: work[ledger] for ledger in half})
            return
        reached(Point.COMMITTED, work)
        for ledger in work:
            if ledger.right in found.cancelled:
                ledger.cancelled()  # before anybody goes on who has waited for this
        for ledger, batch in work.items():
            if ledger.right in found.written:
                _resolve(batch)
            elif ledger.right in found.busy:
                self._write_later(ledger, batch)
            else:
                ledger.fail(Fenced(), batch)
        written = [(ledger, batch) for ledger, batch in work.items() if ledger.right in found.written]
        self.gauges.flushed(written, time.perf_counter() - began)
        self._committed(written)

    def _write_later(self, ledger: Ledger, batch: Batch) -> None:
        ledger.give_back(batch)
        asyncio.get_running_loop().call_later(BUSY_SECONDS, self.touch, ledger)

    def _refuse(self, work: Work, error: Exception) -> None:
        for ledger, batch in work.items():
            logger.error(
                "rows refused", exc_info=error, extra={"action": "rows_refused", "execution": str(ledger.execution)}
            )
            ledger.fail(Unrecordable(str(error).partition("\n")[0]), batch)

    async def _with_retries(self, act: Callable[[AsyncConnection[Any]], Any]) -> Any:
        """Do it; whatever but the rows is at fault, again on a new connection. The watchdog ends hopeless waits."""
        delay = 0.05
        while True:
            try:
                if self._connection is None or self._connection.closed:
                    self._connection = await _connect(self.worker)
                return await act(self._connection)
            except REFUSED:
                raise
            except psycopg.Error as error:
                logger.warning("database away: %s", error, extra={"action": "recorder_retry"})
                if self._connection is not None:
                    await self._connection.close()
                await asyncio.sleep(delay)
                delay = min(delay * 2, 1.0)


async def _connect(worker: UUID) -> database.Connection:
    """A connection that outlives no lease: what it has locked must then be free for others."""
    return await database.connect(f"agentflow recorder {worker.hex}", silence_seconds=settings.LEASE_SECONDS)


class _Found(NamedTuple):
    """What became of the executions of one transaction; those in neither set belong to others now."""

    written: set[Right]
    busy: set[Right]
    #: Those of the written that somebody has cancelled.
    cancelled: set[Right]


@asynccontextmanager
async def _pipelined_transaction(connection: AsyncConnection[Any]) -> AsyncIterator[None]:
    """A transaction whose statements are sent together; only who reads an answer waits for it.

    After a statement that fails the server skips the rest, the commit too.
    """
    try:
        async with connection.pipeline():
            await connection.execute("BEGIN", prepare=True)
            yield
            await connection.execute("COMMIT", prepare=True)
    except BaseException:
        with suppress(psycopg.Error):
            await connection.rollback()
        raise


async def _transaction(connection: AsyncConnection[Any], worker: UUID, work: Work) -> _Found:
    """Write what this worker may, in two round trips: begin and lock, write and commit."""
    ids, epochs = [ledger.execution for ledger in work], [ledger.epoch for ledger in work]
    async with _pipelined_transaction(connection):
        locked = await connection.execute(LOCK, (ids, epochs, worker), prepare=True)
        rows = await locked.fetchall()
        owned: set[Right] = {(id, epoch) for id, epoch, _ in rows}
        cancelled: set[Right] = {(id, epoch) for id, epoch, is_cancelled in rows if is_cancelled}
        mine = [(ledger, batch) for ledger, batch in work.items() if ledger.right in owned and not batch.is_empty]
        if mine:
            for statement, parameters in _statements(mine):
                await connection.execute(statement, parameters, prepare=True)
            if charges := [(ledger.execution, row) for ledger, batch in mine for row in batch.charges]:
                await _charge(connection, charges)
            reached(Point.WRITTEN, work)
    if len(owned) == len(work):
        return _Found(owned, set(), cancelled)
    rest = await connection.execute(REST, (ids, epochs, [batch.seq for batch in work.values()], worker))
    others = {(id, epoch): is_busy for id, epoch, is_busy in await rest.fetchall() if (id, epoch) not in owned}
    written = owned | {right for right, is_busy in others.items() if not is_busy}
    return _Found(written, {right for right, is_busy in others.items() if is_busy}, cancelled)


async def _charge(connection: AsyncConnection[Any], charges: Sequence[tuple[UUID, ChargeRow]]) -> None:
    """Write what node executions cost, and have it paid, for each of them once."""
    new: set[UUID] = set()
    if paid := [(execution, row) for execution, row in charges if row.amount]:
        written = await connection.execute(CHARGES, _columns(paid, _charge_values), prepare=True)
        new = {id for (id,) in await written.fetchall()}
    if funds.current is not None:
        due = [row for _, row in charges if not row.amount or row.node_execution_id in new]
        await funds.current.settle(connection, due)


def _statements(mine: Sequence[tuple[Ledger, Batch]]) -> Iterable[tuple[Any, Any]]:
    nodes = [(ledger.execution, row) for ledger, batch in mine for row in batch.nodes]
    outputs = [(ledger.execution, row) for ledger, batch in mine for row in batch.outputs]
    if blobs := [row.value for _, row in outputs if row.value.sha256]:
        columns = zip(
            *((b.sha256, len(b.text), "application/json", blob_name(b.sha256 or "")) for b in blobs), strict=True
        )
        yield BLOBS, [list(column) for column in columns]
    if nodes:
        yield NODES, [_json([_node_values(execution, row) for execution, row in nodes])]
    if outputs:
        yield OUTPUTS, _columns(outputs, _output_values)
    if approvals := [(ledger.execution, row) for ledger, batch in mine for row in batch.approvals]:
        yield APPROVALS, _columns(approvals, _approval_values)
    yield (
        PROGRESS,
        (
            [ledger.execution for ledger, _ in mine],
            [batch.seq for _, batch in mine],
            [_json(batch.counts) for _, batch in mine],
        ),
    )
    endings = [(ledger.execution, batch.ending) for ledger, batch in mine if batch.ending]
    if endings:
        yield ENDINGS, _columns(endings, _ending_values)
    if closing := [ledger.execution for ledger, batch in mine if batch.ending and ledger.has_others]:
        yield CLOSE_OTHERS, {"ids": closing}
    if parkings := [(ledger.execution, batch.parking) for ledger, batch in mine if batch.parking]:
        yield PARK, _columns(parkings, _parking_values)


def _columns(rows: Sequence[tuple[UUID, Any]], values: Callable[[UUID, Any], tuple[Any, ...]]) -> list[list[Any]]:
    return [list(column) for column in zip(*(values(execution, row) for execution, row in rows), strict=True)]


def _node_values(execution: UUID, row: Any) -> dict[str, Any]:
    """By the names of NODE_COLUMNS."""
    return {
        "id": row.id,
        "execution_id": execution,
        "node": row.node,
        "block": row.block,
        "path": row.path,
        "ordinal": row.ordinal,
        "attempt": row.attempt,
        "status": row.status,
        "error": row.error,
        "arrivals": row.arrivals,
        "log": row.log,
        "waits": row.waits,
        "usage": row.usage,
        "reused": row.reused,
        "pinned": row.pinned,
        "queued_at": row.queued_at,
        "started_at": row.started_at,
        "ended_at": row.ended_at,
        "seq": row.seq,
    }


def _output_values(execution: UUID, row: Any) -> tuple[Any, ...]:
    """In the order of OUTPUT_COLUMNS; the cast to json is the column's own."""
    return execution, row.seq, row.node_execution_id, row.index, row.port, row.value.inline, row.value.sha256


def _approval_values(execution: UUID, row: Any) -> tuple[Any, ...]:
    """In the order of APPROVAL_COLUMNS."""
    return row.id, execution, row.node_execution_id, row.kind, row.instructions, row.payload.text.decode()


def _charge_values(execution: UUID, row: Any) -> tuple[Any, ...]:
    usage = _json(row.usage)
    return row.node_execution_id, execution, row.graph, row.owner, row.node, row.block, row.amount, row.seconds, usage


def _parking_values(execution: UUID, parking: Any) -> tuple[Any, ...]:
    return execution, parking.wake_at, "{" + ",".join(map(str, parking.awaited)) + "}"


def _ending_values(execution: UUID, ending: Any) -> tuple[Any, ...]:
    error = None if ending.error is None else _json(ending.error)
    return execution, ending.status.value, ending.reason, error, ending.outputs.text.decode(), ending.ended_at


def _json(value: Any) -> str:
    """JSON for jsonb columns of our own making; what jsonb cannot hold, NUL and halves of pairs, is shown as a symbol."""
    try:
        text = orjson.dumps(value, default=_shown).decode()
    except TypeError:  # blocks' messages and logs are any text
        text = json.dumps(value, default=_shown, skipkeys=True, ensure_ascii=False).encode(errors="replace").decode()
    return text.replace("\\u0000", "\\u2400")


def _shown(value: object) -> str:
    return plain(value, MAX_SHOWN)


def _resolve(batch: Batch) -> None:
    for future in batch.waiters:
        if not future.done():
            future.set_result(None)
