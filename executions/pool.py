"""The workers that live, what they host, and what waits for them: for `/metrics` and the status in the API."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.db.models import Count, Min, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce, Now

from executions.engine.status import Status
from executions.fleet import live
from executions.isolated import SILENT_SECONDS
from executions.models import ACTIVE_VALUES, Execution, NodeJob, Totals
from executions.tickets import NODES, TICKETS


class PoolWorker(NamedTuple):
    """A worker with a valid lease."""

    id: str
    name: str
    queue: str
    host: str
    process_id: int
    version: str
    slots: int
    #: Executions on it now; of workers of isolated nodes only their queue is known (`Queue.hosted`).
    hosted: int
    started_at: datetime
    expires_at: datetime
    #: See `Totals.recent`.
    recent: Mapping[str, float]


class Queue(NamedTuple):
    """What waits for a kind of worker, and what these have."""

    name: str
    depth: int
    oldest_at: datetime | None
    hosted: int
    slots: int
    workers: int

    def oldest_seconds(self, now: datetime) -> float:
        """How long the oldest entry has waited; 0 without one."""
        return max((now - self.oldest_at).total_seconds(), 0.0) if self.oldest_at else 0.0

    @property
    def utilisation(self) -> float:
        """Share of the places that are taken; 0 without a worker."""
        return self.hosted / self.slots if self.slots else 0.0


def active_by_status(executions: QuerySet[Execution]) -> dict[str, int]:
    """How many of these are not over, every such status named; one query."""
    counted = executions.filter(status__in=ACTIVE_VALUES).order_by().values_list("status").annotate(Count("pk"))
    return {status.value: 0 for status in ACTIVE_VALUES} | dict(counted)


def live_workers() -> list[PoolWorker]:
    """Oldest first, with one query."""
    held = Execution.objects.filter(holder=OuterRef("pk"), status__in=ACTIVE_VALUES).order_by().values("holder")
    recent = Totals.objects.filter(pk=OuterRef("pk")).values("recent")
    found = live().annotate(
        hosted=Coalesce(Subquery(held.annotate(many=Count("pk")).values("many")), 0), recent=Subquery(recent)
    )
    return [
        PoolWorker(
            id=str(row.pk),
            name=row.name,
            queue=row.queue,
            host=row.host,
            process_id=row.process_id,
            version=row.version,
            slots=row.capacity,
            hosted=row.hosted,
            started_at=row.started_at,
            expires_at=row.expires_at,
            recent=row.recent or {},
        )
        for row in found.order_by("pk")
    ]


def queues(workers: list[PoolWorker], *, executions: QuerySet[Execution], jobs: QuerySet[NodeJob]) -> list[Queue]:
    """Both queues, as far as these executions and jobs wait in them; three queries."""
    # Entries count by what the database says: tickets in Redis may be lost, or come too often.
    waiting: dict[str, tuple[QuerySet[Any], str]] = {
        TICKETS: (executions.filter(status=Status.QUEUED), "queued_at"),
        NODES: (jobs.filter(ended_at=None, claimed_at=None), "created_at"),
    }
    alive = Now() - timedelta(seconds=SILENT_SECONDS)
    hosted = {
        TICKETS: sum(worker.hosted for worker in workers),
        NODES: NodeJob.objects.filter(ended_at=None, beat_at__gt=alive).count(),
    }
    return [_queue(name, *entries, hosted[name], workers) for name, entries in waiting.items()]


def _queue(name: str, entries: QuerySet[Any], since: str, hosted: int, workers: list[PoolWorker]) -> Queue:
    found = entries.order_by().aggregate(depth=Count("pk"), oldest_at=Min(since))
    own = [worker for worker in workers if worker.queue == name]
    slots = sum(worker.slots for worker in own)
    return Queue(name, found["depth"], found["oldest_at"], hosted, slots, len(own))
