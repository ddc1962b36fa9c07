"""One execution as it is watched: its row, what happened to it as a whole, and what holds it up."""

from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet
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
WATCHED_COLUMNS = (*EXECUTION_COLUMNS, "events", "is_answered", "is_silent", "is_overdue", "lacks_nodes_worker")


def watched(execution: UUID) -> QuerySet[Execution]:
    """The execution with what tells whether anybody is there for it."""
    untaken = fleet.untaken_jobs().filter(execution=OuterRef("pk"))
    return Execution.objects.filter(pk=execution).annotate(
        is_answered=Exists(fleet.answering()),
        is_silent=Q(status=Status.RUNNING, holder__expires_at__lt=fleet.renewed_since()),
        is_overdue=Q(status=Status.WAITING, wake_at__lt=Now() - timedelta(seconds=OVERDUE_SECONDS)),
        lacks_nodes_worker=Exists(untaken) & ~Exists(fleet.live().filter(queue=NODES)),
    )


def read_watched(execution: UUID) -> WatchedRow | None:
    """The execution's row, without payloads; None when there is none."""
    values = watched(execution).values(*WATCHED_COLUMNS).first()
    return watched_row(values) if values else None


def watched_row(values: Mapping[str, Any]) -> WatchedRow:
    """The row of an execution read as `WATCHED_COLUMNS`."""
    return {**execution_row(values), "events": values["events"], "held_up_by": held_up_by(values)}


def held_up_by(values: Mapping[str, Any]) -> HeldUp | str:
    """What holds the execution up, or empty."""
    is_queued = values["status"] == Status.QUEUED
    if (is_queued or values["is_silent"] or values["is_overdue"]) and not values["is_answered"]:
        return HeldUp.NO_WORKER
    if values["is_silent"]:
        return HeldUp.WORKER_SILENT
    last = values["events"][-1]["kind"] if values["events"] else ""
    if is_queued and last in (HeldUp.WORKER_LOST, HeldUp.HANDED_OVER):
        return HeldUp(last)
    return HeldUp.NO_NODES_WORKER if values["lacks_nodes_worker"] else ""
