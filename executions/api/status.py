"""How the installation is: what waits, who works on it, how fast."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

import agentflow
from agentflow.graphs.api.serializers import Shape
from executions.api.reading import caller, visible
from executions.metrics import is_redis_up
from executions.models import Execution, NodeJob
from executions.pool import PoolWorker, Queue, active_by_status, live_workers, queues
from executions.tickets import NODES

#: A worker that has just started has no rate yet.
LEAST_SECONDS = 1.0


class ActiveSerializer(Shape):
    """Executions that are not over."""

    queued = serializers.IntegerField()
    running = serializers.IntegerField()
    waiting = serializers.IntegerField()


class QueueSerializer(Shape):
    """What waits for a kind of worker, and what these have."""

    name = serializers.CharField(help_text="`default` carries executions, `nodes` isolated nodes.")
    depth = serializers.IntegerField(help_text="Entries that no worker has taken; only the caller's unless staff asks.")
    oldest_seconds = serializers.FloatField(help_text="How long the oldest of them has waited.")
    workers = serializers.IntegerField(help_text="Workers with a valid lease.")
    slots = serializers.IntegerField(allow_null=True, help_text="Places of all workers; to staff.")
    hosted = serializers.IntegerField(allow_null=True, help_text="Places that are taken; to staff.")
    free = serializers.IntegerField(allow_null=True)
    utilisation = serializers.FloatField(allow_null=True, help_text="Share of the places that are taken.")


class ThroughputSerializer(Shape):
    """What ended in about the last minute, each second."""

    executions = serializers.FloatField()
    node_executions = serializers.FloatField()


class WorkerSerializer(Shape):
    """A worker with a valid lease."""

    id = serializers.UUIDField()
    name = serializers.CharField()
    queue = serializers.CharField()
    host = serializers.CharField()
    process_id = serializers.IntegerField()
    version = serializers.CharField()
    slots = serializers.IntegerField()
    hosted = serializers.IntegerField(allow_null=True, help_text="Null for workers of `nodes`: see the queue.")
    free = serializers.IntegerField(allow_null=True)
    utilisation = serializers.FloatField(allow_null=True)
    started_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField(help_text="When its lease is over unless it is renewed.")


class StatusSerializer(Shape):
    """The state of the installation as far as the caller may see it."""

    at = serializers.DateTimeField()
    version = serializers.CharField()
    sees = serializers.ChoiceField(["everything", "own"], help_text="Staff see everything, others what they run.")
    database = serializers.BooleanField(help_text="True; without a database the answer is a problem (503).")
    redis = serializers.BooleanField(help_text="Without Redis everything goes on, only later.")
    executions = ActiveSerializer()
    queues = QueueSerializer(many=True)
    throughput = ThroughputSerializer(allow_null=True, help_text="To staff.")
    workers = WorkerSerializer(many=True, allow_null=True, help_text="To staff.")


class Status(APIView):
    """The queues and the pool of workers."""

    @extend_schema(operation_id="status_retrieve", responses=StatusSerializer)
    def get(self, request: Request) -> Response:
        """What waits and what works on it, now."""
        user = caller(request)
        sees_all = user.is_staff
        executions = Execution.objects.all() if sees_all else visible(user)
        jobs = NodeJob.objects.all() if sees_all else NodeJob.objects.filter(execution__in=executions.values("pk"))
        workers, now = live_workers(), timezone.now()
        shown: dict[str, Any] = {
            "at": now,
            "version": agentflow.__version__,
            "sees": "everything" if sees_all else "own",
            "database": True,
            "redis": is_redis_up(),
            "executions": active_by_status(executions),
            "queues": [
                _queue(queue, now, sees_all=sees_all) for queue in queues(workers, executions=executions, jobs=jobs)
            ],
            "throughput": _throughput(workers) if sees_all else None,
            "workers": [_worker(worker) for worker in workers] if sees_all else None,
        }
        return Response(shown)


def _queue(queue: Queue, now: datetime, *, sees_all: bool) -> dict[str, Any]:
    places = {
        "slots": queue.slots,
        "hosted": queue.hosted,
        "free": max(queue.slots - queue.hosted, 0),
        "utilisation": round(queue.utilisation, 4),
    }
    return {
        "name": queue.name,
        "depth": queue.depth,
        "oldest_seconds": round(queue.oldest_seconds(now), 3),
        "workers": queue.workers,
        **(places if sees_all else dict.fromkeys(places)),
    }


def _throughput(workers: Sequence[PoolWorker]) -> dict[str, float]:
    rates = {"executions": 0.0, "node_executions": 0.0}
    for worker in workers:
        seconds = max(worker.recent.get("seconds", 0.0), LEAST_SECONDS)
        for name in rates:
            rates[name] += worker.recent.get(name, 0) / seconds
    return {name: round(rate, 3) for name, rate in rates.items()}


def _worker(worker: PoolWorker) -> dict[str, Any]:
    is_known = worker.queue != NODES
    return {
        "id": worker.id,
        "name": worker.name,
        "queue": worker.queue,
        "host": worker.host,
        "process_id": worker.process_id,
        "version": worker.version,
        "slots": worker.slots,
        "hosted": worker.hosted if is_known else None,
        "free": max(worker.slots - worker.hosted, 0) if is_known else None,
        "utilisation": round(worker.hosted / worker.slots, 4) if is_known and worker.slots else None,
        "started_at": worker.started_at,
        "expires_at": worker.expires_at,
    }
