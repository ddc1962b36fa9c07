"""Prometheus metrics of the whole installation, read from the database when somebody scrapes a web process."""

import logging
from collections.abc import Iterable, Iterator
from functools import cache

from django.db import Error
from django.db.models import Count, Min
from django.db.models.functions import Now
from django.utils import timezone
from prometheus_client import REGISTRY
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from executions.engine.status import ACTIVE, Status
from executions.models import Execution, NodeJob, Worker

logger = logging.getLogger(__name__)


class ExecutionCollector(Collector):
    """A few cheap aggregates; every query reads only what is active."""

    def describe(self) -> Iterable[Metric]:
        """Nothing: registering must not read the database."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """The metrics; without a database only that it is away."""
        try:
            found = [_executions(), _workers(), *_queues()]
        except Error:
            logger.warning("metrics without a database", exc_info=True, extra={"action": "metrics_failed"})
            found = []
        yield GaugeMetricFamily("agentflow_database_up", "Whether the database answers.", value=float(bool(found)))
        yield from found


def _executions() -> Metric:
    counted = Execution.objects.filter(status__in=ACTIVE).order_by().values_list("status").annotate(Count("pk"))
    found = dict(counted)
    metric = GaugeMetricFamily("agentflow_executions", "Executions that are not over, by status.", labels=["status"])
    for status in sorted(ACTIVE):
        metric.add_metric([status], found.get(status, 0))
    return metric


def _workers() -> Metric:
    live = Worker.objects.filter(stopped_at=None, expires_at__gt=Now()).order_by()
    found = dict(live.values_list("queue").annotate(Count("pk")))
    # Workers of the queue `nodes` hold no lease: their processes report by the jobs that they run.
    metric = GaugeMetricFamily("agentflow_workers", "Hosting workers with a valid lease, by queue.", labels=["queue"])
    for queue in sorted({"default", *found}):
        metric.add_metric([queue], found.get(queue, 0))
    return metric


def _queues() -> Iterator[Metric]:
    depth = GaugeMetricFamily("agentflow_queue_depth", "Entries that no worker has taken.", labels=["queue"])
    oldest = GaugeMetricFamily("agentflow_queue_oldest_seconds", "Age of the oldest such entry.", labels=["queue"])
    waiting = {
        "default": Execution.objects.filter(status=Status.QUEUED),
        "nodes": NodeJob.objects.filter(ended_at=None, claimed_at=None),
    }
    now = timezone.now()
    for queue, entries in waiting.items():
        found = entries.order_by().aggregate(depth=Count("pk"), first=Min("created_at"))
        depth.add_metric([queue], found["depth"])
        oldest.add_metric([queue], max((now - found["first"]).total_seconds(), 0.0) if found["first"] else 0.0)
    yield depth
    yield oldest


@cache
def register() -> ExecutionCollector:
    """The one collector of this process, registered; web processes call it once they start."""
    collector = ExecutionCollector()
    REGISTRY.register(collector)
    return collector
