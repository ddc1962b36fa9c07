"""The workers: who is alive, who only seemed to be, by the leases that they renew."""

from datetime import timedelta
from typing import TypedDict

from django.conf import settings
from django.db.models import Count, F, Min, Q, QuerySet
from django.db.models.functions import Now

from executions.models import NodeJob, Worker
from executions.tickets import NODES, TICKETS

#: A worker that has not renewed its lease for so long does not answer: it missed two renewals.
SILENT_SECONDS = 2.5 * settings.LEASE_RENEW_SECONDS
#: An isolated job that nobody took for so long waits for a worker.
UNTAKEN_SECONDS = 5.0


class Workers(TypedDict):
    """The workers of one queue."""

    #: Their lease is valid.
    live: int
    #: Of the live ones those that have missed renewals.
    silent: int
    #: Their lease ran out within the last day, and they did not sign off.
    lost: int
    #: Seconds until the first lease of a live one is over; null when none lives.
    lease_seconds: float | None


def live() -> QuerySet[Worker]:
    """Workers with a valid lease."""
    return Worker.objects.filter(stopped_at=None, expires_at__gt=Now()).order_by()


def answering() -> QuerySet[Worker]:
    """Hosting workers that renew their lease in time: what waits will be taken by one of them."""
    return Worker.objects.filter(stopped_at=None, expires_at__gt=renewed_since()).exclude(queue=NODES).order_by()


def renewed_since() -> Now:
    """Leases that end later were renewed lately."""
    return Now() + timedelta(seconds=settings.LEASE_SECONDS - SILENT_SECONDS)  # type: ignore[return-value]  # arithmetic


def untaken_jobs() -> QuerySet[NodeJob]:
    """Isolated jobs that no `nodes` worker took in good time."""
    too_long = Now() - timedelta(seconds=UNTAKEN_SECONDS)
    return NodeJob.objects.filter(claimed_at=None, ended_at=None, created_at__lt=too_long).order_by()


def missing() -> list[str]:
    """Queues whose work waits because none of their workers is there; of `nodes` only when something waits."""
    queues = [] if answering().exists() else [TICKETS]
    if untaken_jobs().exists() and not live().filter(queue=NODES).exists():
        queues.append(NODES)
    return queues


def workers_by_queue() -> dict[str, Workers]:
    """The workers of each queue, in one query; the queues of the product are always named."""
    is_live = Q(expires_at__gt=Now())
    found = (
        Worker.objects.filter(stopped_at=None)
        .order_by()
        .values_list("queue")
        .annotate(
            live=Count("pk", filter=is_live),
            silent=Count("pk", filter=is_live & Q(expires_at__lt=renewed_since())),
            lost=Count("pk", filter=~is_live),
            lease=Min(F("expires_at") - Now(), filter=is_live),
        )
    )
    none = Workers(live=0, silent=0, lost=0, lease_seconds=None)
    return {TICKETS: none, NODES: none} | {
        queue: Workers(live=live, silent=silent, lost=lost, lease_seconds=lease and round(lease.total_seconds(), 1))
        for queue, live, silent, lost, lease in found
    }
