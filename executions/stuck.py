"""Workers, and whatever nobody advances although somebody should: normally nothing. Queries only, over what is active.

The sweeper mends all of it within seconds; what stands here for longer is a defect, or nobody sweeps. Each kind is one
query that starts from a partial index or from the few rows of a small table.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, NamedTuple
from uuid import UUID

from django.conf import settings
from django.db import connection
from django.db.models import Count, F, Q
from django.db.models.functions import Now

from executions import fleet
from executions.models import ACTIVE_VALUES, Worker
from executions.tickets import NODES

#: What is mended by itself is no news for so long, in seconds.
PATIENCE_SECONDS = 10.0
#: A busy queue may take so long.
QUEUED_SECONDS = 30.0
#: Rows of one kind that are read; of more it is said that there are more.
MOST = 50
#: Workers that are shown, those with the latest leases first.
MOST_WORKERS = 100
#: How long workers that are gone are shown.
GONE_MINUTES = 60


class Kind(StrEnum):
    """How something is stuck."""

    #: QUEUED, and no worker takes it.
    UNCLAIMED = "unclaimed"
    #: Held by a worker whose lease is over, or running and held by nobody.
    UNHELD = "unheld"
    #: WAITING for a time that is over.
    OVERDUE = "overdue"
    #: WAITING for a decision that is there, or for a run of another graph that has ended.
    ANSWERED = "answered"
    #: Asked to end, and not ended.
    UNCANCELLED = "uncancelled"
    #: An isolated step that no `nodes` worker takes.
    UNTAKEN = "untaken"
    #: An isolated step whose process is silent.
    SILENT = "silent"


class Stuck(NamedTuple):
    """One execution, or one isolated step of it, that nobody advances."""

    execution: UUID
    graph: str
    status: str
    since: datetime
    #: The worker that holds it, or the process that runs the step.
    holder: str
    #: The step's job.
    job: UUID | None


@dataclass(frozen=True, slots=True)
class Found:
    """What is stuck in one way, the longest first."""

    rows: Sequence[Stuck]
    #: There is more than that.
    is_more: bool


class WorkerState(NamedTuple):
    """One worker process."""

    id: UUID
    name: str
    queue: str
    version: str
    capacity: int
    #: Executions that it holds.
    hosted: int
    started_at: datetime
    stopped_at: datetime | None
    expires_at: datetime
    #: Seconds that are left of its lease; negative: since when it is over.
    lease_seconds: float

    @property
    def hosts(self) -> bool:
        """Whether it hosts executions; a `nodes` worker runs single steps."""
        return self.queue != NODES

    @property
    def state(self) -> str:
        """Whether it is live, silent (it has missed renewals), lost or stopped."""
        if self.stopped_at is not None:
            return "stopped"
        if self.lease_seconds <= 0:
            return "lost"
        return "silent" if self.lease_seconds < settings.LEASE_SECONDS - fleet.SILENT_SECONDS else "live"


_EXECUTION = """
    SELECT e.id, g.name, e.status, {since} AS since, coalesce(w.name, ''), NULL
    FROM executions_execution e
    JOIN graphs_graph g ON g.id = e.graph_id LEFT JOIN executions_worker w ON w.id = e.holder_id
    WHERE {where} ORDER BY since, e.id LIMIT %(most)s
"""
_JOB = """
    SELECT j.execution_id, g.name, e.status, {since} AS since, j.claimed_by, j.token
    FROM executions_nodejob j
    JOIN executions_execution e ON e.id = j.execution_id JOIN graphs_graph g ON g.id = e.graph_id
    WHERE j.ended_at IS NULL AND {where} ORDER BY since, j.token LIMIT %(most)s
"""
#: Stable within a statement, so that an index gives only what is late.
_LATE = "statement_timestamp() - make_interval(secs => %(patience)s)"
#: A child that has ended and was not told about, or a decision about what a node still waits for.
_ANSWER = f"""
    SELECT c.parent_id AS id, c.ended_at AS at FROM executions_execution c
    WHERE NOT c.told_parent AND c.ended_at < {_LATE}
    UNION ALL
    SELECT a.execution_id, a.decided_at FROM executions_execution e
    JOIN executions_approval a ON a.execution_id = e.id JOIN executions_nodeexecution n ON n.id = a.node_execution_id
    WHERE e.status = 'waiting' AND n.status = 'waiting' AND a.decided_at < {_LATE}
        AND jsonb_path_exists(n.waits, '$.* ? (@.approval == $id && !exists(@.done))', jsonb_build_object('id', a.id))
"""  # noqa: S608 - parts of our own
QUERIES: Mapping[Kind, str] = {
    Kind.UNCLAIMED: _EXECUTION.format(
        since="e.queued_at",
        where="e.status = 'queued' AND e.cancel_requested_at IS NULL"
        " AND e.queued_at < statement_timestamp() - make_interval(secs => %(queued)s)",
    ),
    Kind.UNHELD: _EXECUTION.format(
        since="coalesce(w.expires_at, e.queued_at)",
        where=f"""e.id IN (
            SELECT x.id FROM executions_worker h JOIN executions_execution x ON x.holder_id = h.id
            WHERE h.expires_at < {_LATE} AND x.status IN ('queued', 'running', 'waiting')
            UNION ALL SELECT id FROM executions_execution WHERE status = 'running' AND holder_id IS NULL
        )""",  # noqa: S608 - parts of our own
    ),
    Kind.OVERDUE: _EXECUTION.format(since="e.wake_at", where=f"e.status = 'waiting' AND e.wake_at < {_LATE}"),
    Kind.ANSWERED: _EXECUTION.replace("WHERE", f"JOIN ({_ANSWER}) answer ON answer.id = e.id WHERE").format(
        since="answer.at", where="e.status = 'waiting'"
    ),
    Kind.UNCANCELLED: _EXECUTION.format(
        since="e.cancel_requested_at", where=f"e.ended_at IS NULL AND e.cancel_requested_at < {_LATE}"
    ),
    Kind.UNTAKEN: _JOB.format(since="j.created_at", where=f"j.claimed_at IS NULL AND j.created_at < {_LATE}"),
    Kind.SILENT: _JOB.format(
        since="coalesce(j.beat_at, j.claimed_at)", where=f"coalesce(j.beat_at, j.claimed_at) < {_LATE}"
    ),
}


def stuck() -> dict[Kind, Found]:
    """Everything that is stuck, by kind; one query for each kind, whatever there is."""
    return {kind: found(kind) for kind in Kind}


def found(kind: Kind) -> Found:
    """What is stuck in this way."""
    parameters: dict[str, Any] = {"most": MOST + 1, "patience": PATIENCE_SECONDS, "queued": QUEUED_SECONDS}
    with connection.cursor() as cursor:
        cursor.execute(QUERIES[kind], parameters)
        rows = [Stuck(*row) for row in cursor.fetchall()]
    return Found(rows[:MOST], len(rows) > MOST)


def workers() -> list[WorkerState]:
    """Those that live, those that are lost and hold executions, and those that are gone since an hour."""
    hosted = Count("executions", filter=Q(executions__status__in=ACTIVE_VALUES))
    recent = Q(expires_at__gt=Now() - timedelta(minutes=GONE_MINUTES))
    rows = Worker.objects.annotate(hosted=hosted, lease=F("expires_at") - Now()).filter(recent | Q(hosted__gt=0))
    columns = set(WorkerState._fields) - {"lease_seconds"} | {"lease"}
    found = rows.order_by("-expires_at", "-id").values(*columns)[:MOST_WORKERS]
    return [WorkerState(lease_seconds=row.pop("lease").total_seconds(), **row) for row in found]
