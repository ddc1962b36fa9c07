"""One execution as it is watched: its row, what happened to it as a whole, and what holds it up."""

from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import BooleanField, QuerySet
from django.db.models.expressions import RawSQL
from django.db.models.functions import Now

from executions import fleet
from executions.engine.status import Status
from executions.models import Execution
from executions.rows import EXECUTION_COLUMNS, ExecutionRow, execution_row
from executions.tickets import NODES

#: A timer that was due so long ago has nobody who looks at timers.
OVERDUE_SECONDS = 5.0


class HeldUp(StrEnum):
    """Why an execution that should go on does not."""

    #: No hosting worker is alive.
    NO_WORKER = "no_worker"
    #: Its worker has stopped renewing its lease; when that is over, another one goes on.
    WORKER_SILENT = "worker_silent"
    #: Its worker was lost; another one is about to go on.
    WORKER_LOST = "worker_lost"
    #: Its worker was stopped and has handed it back.
    HANDED_OVER = "handed_over"
    #: Steps that run in a process of their own wait, and no `nodes` worker is alive.
    NO_NODES_WORKER = "no_nodes_worker"


class WatchedRow(ExecutionRow):
    """One execution for those who watch it."""

    #: What happened to it as a whole: [{at, kind, text, seq}], the newest last.
    events: list[dict[str, Any]]
    #: A HeldUp, or empty.
    held_up_by: str


#: What `watched().values(*WATCHED_COLUMNS)` must read for `watched_row`.
WATCHED_COLUMNS = (*EXECUTION_COLUMNS, "events", "now", "holder__expires_at", "has_untaken")
#: Written out, because it is read with every frame and Django would take longer to write it than PostgreSQL to answer.
HAS_UNTAKEN = """
    EXISTS (
        SELECT 1 FROM executions_nodejob j WHERE j.execution_id = executions_execution.id AND j.claimed_at IS NULL
            AND j.ended_at IS NULL AND j.created_at < statement_timestamp() - make_interval(secs => %s)
    )
"""


def watched(execution: UUID) -> QuerySet[Execution]:
    """The execution with what tells whether it may be held up."""
    untaken = RawSQL(HAS_UNTAKEN, [fleet.UNTAKEN_SECONDS], output_field=BooleanField())  # noqa: S611 - our own
    return Execution.objects.filter(pk=execution).annotate(now=Now(), has_untaken=untaken)


def read_watched(execution: UUID) -> WatchedRow | None:
    """The execution's row, without payloads; None when there is none."""
    values = watched(execution).values(*WATCHED_COLUMNS).first()
    return watched_row(values) if values else None


def watched_row(values: Mapping[str, Any]) -> WatchedRow:
    """The row of an execution read as `WATCHED_COLUMNS`."""
    return {**execution_row(values), "events": values["events"], "held_up_by": held_up_by(values)}


def held_up_by(values: Mapping[str, Any]) -> HeldUp | str:
    """What holds the execution up, or empty; asks for workers only when something may."""
    is_queued, is_silent = values["status"] == Status.QUEUED, _is_silent(values)
    if (is_queued or is_silent or _is_overdue(values)) and not fleet.answering().exists():
        return HeldUp.NO_WORKER
    if is_silent:
        return HeldUp.WORKER_SILENT
    last = values["events"][-1]["kind"] if values["events"] else ""
    if is_queued and last in (HeldUp.WORKER_LOST, HeldUp.HANDED_OVER):
        return HeldUp(last)
    if values["has_untaken"] and not fleet.live().filter(queue=NODES).exists():
        return HeldUp.NO_NODES_WORKER
    return ""


def _is_silent(values: Mapping[str, Any]) -> bool:
    """Its worker has missed renewals of its lease."""
    expires_at = values["holder__expires_at"]
    if values["status"] != Status.RUNNING or expires_at is None:
        return False
    left: timedelta = expires_at - values["now"]
    return left.total_seconds() < settings.LEASE_SECONDS - fleet.SILENT_SECONDS


def _is_overdue(values: Mapping[str, Any]) -> bool:
    """Its time is over, and nobody has looked."""
    wake_at = values["wake_at"]
    if values["status"] != Status.WAITING or wake_at is None:
        return False
    late: timedelta = values["now"] - wake_at
    return late.total_seconds() > OVERDUE_SECONDS
