"""Prometheus metrics of the whole installation, read from the database when somebody scrapes a web process."""

import logging
from collections.abc import Iterable, Iterator
from functools import cache

import redis
from django.conf import settings
from django.db import Error
from django.utils import timezone
from prometheus_client import REGISTRY
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from executions import seats
from executions.families import Spread, families, histogram
from executions.live_gauges import live
from executions.models import Execution, NodeJob, Totals
from executions.pool import PoolWorker, active_by_status, live_workers, queues
from executions.tickets import NODES, TICKETS
from executions.totals import added

logger = logging.getLogger(__name__)

REDIS_SECONDS = 1.0


class ExecutionCollector(Collector):
    """A few cheap queries, all of what is active; what is over was counted when it ended."""

    def describe(self) -> Iterable[Metric]:
        """Nothing: registering must not read the database."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """The metrics; without a database only those of this process."""
        try:
            workers = live_workers()
            found = [_executions(), *_workers(workers), *_queues(workers), *_totals()]
        except Error:
            logger.warning("metrics without a database", exc_info=True, extra={"action": "metrics_failed"})
            found = []
        yield GaugeMetricFamily("agentflow_database_up", "Whether the database answers.", value=float(bool(found)))
        yield GaugeMetricFamily("agentflow_redis_up", "Whether Redis answers.", value=float(is_redis_up()))
        yield from found
        yield from _live()


def is_redis_up() -> bool:
    """Whether Redis answers within a second."""
    options = {"socket_connect_timeout": REDIS_SECONDS, "socket_timeout": REDIS_SECONDS}
    try:
        with redis.Redis.from_url(settings.REDIS_URL, **options) as client:
            return bool(client.ping())
    except (redis.RedisError, OSError):
        return False


def _executions() -> Metric:
    metric = GaugeMetricFamily("agentflow_executions", "Executions that are not over, by status.", labels=["status"])
    for status, number in active_by_status(Execution.objects.all()).items():
        metric.add_metric([status], number)
    return metric


def _workers(workers: list[PoolWorker]) -> Iterator[Metric]:
    known = sorted({TICKETS, NODES, *(worker.queue for worker in workers)})
    metric = GaugeMetricFamily("agentflow_workers", "Workers with a valid lease, by queue.", labels=["queue"])
    for queue in known:
        metric.add_metric([queue], sum(worker.queue == queue for worker in workers))
    yield metric
    hosted = GaugeMetricFamily("agentflow_worker_hosted", "Executions on a worker.", labels=["worker"])
    slots = GaugeMetricFamily("agentflow_worker_slots", "How many fit on it.", labels=["worker"])
    # A container that starts again has its name again, and the lease before may not be over: the newest counts.
    for name, worker in {worker.name: worker for worker in workers if worker.queue != NODES}.items():
        hosted.add_metric([name], worker.hosted)
        slots.add_metric([name], worker.slots)
    yield from (hosted, slots)


def _queues(workers: list[PoolWorker]) -> Iterator[Metric]:
    depth = GaugeMetricFamily("agentflow_queue_depth", "Entries that no worker has taken.", labels=["queue"])
    oldest = GaugeMetricFamily("agentflow_queue_oldest_seconds", "Age of the oldest such entry.", labels=["queue"])
    slots = GaugeMetricFamily("agentflow_queue_slots", "Places of all workers of the queue.", labels=["queue"])
    hosted = GaugeMetricFamily("agentflow_queue_hosted", "Places that are taken.", labels=["queue"])
    usage = GaugeMetricFamily("agentflow_queue_utilisation", "Share of the places that are taken.", labels=["queue"])
    for queue in queues(workers, executions=Execution.objects.all(), jobs=NodeJob.objects.all()):
        label = [queue.name]
        depth.add_metric(label, queue.depth)
        oldest.add_metric(label, queue.oldest_seconds(timezone.now()))
        slots.add_metric(label, queue.slots)
        hosted.add_metric(label, queue.hosted)
        usage.add_metric(label, queue.utilisation)
    yield from (depth, oldest, slots, hosted, usage)


def _totals() -> Iterator[Metric]:
    yield from families(added(Totals.objects.values_list("counts", flat=True)))


def _live() -> Iterator[Metric]:
    """Of this web process alone: each is scraped for itself."""
    text = "WebSockets and event streams that are open."
    yield GaugeMetricFamily("agentflow_live_sockets", text, value=seats.taken())
    yield CounterMetricFamily("agentflow_live_frames", "Frames sent to them.", value=live.frames)
    lag = Spread("From the wake-up after a commit to a frame that shows it.")
    yield histogram("agentflow_live_lag_seconds", lag, {"": live.lag.as_json()})


@cache
def register() -> ExecutionCollector:
    """The one collector of this process, registered; web processes call it once they start."""
    collector = ExecutionCollector()
    REGISTRY.register(collector)
    return collector
