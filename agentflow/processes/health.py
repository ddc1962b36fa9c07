"""/healthz: this process lives. /readyz: it can serve; and what else of the installation works.

A middleware before all others: a load balancer asks by address, without a session and with whatever Host it likes.
"""

import logging
import time
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

import redis
from django.conf import settings
from django.db import Error, connection, transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.deprecation import MiddlewareMixin

from agentflow.processes.migrations import is_migrated
from agentflow.processes.probes import Probe
from executions.fleet import Workers, untaken_jobs, workers_by_queue
from executions.tickets import NODES

logger = logging.getLogger(__name__)

#: An answer takes at most this, whatever hangs.
MOST_SECONDS = 2.0
REDIS_SECONDS = 1.0
#: Without these nothing can be served. The others are told: pages and API work without Redis and without workers.
REQUIRED = frozenset({"database", "migrations"})


@dataclass(frozen=True, slots=True)
class Database:
    """What the database says."""

    is_migrated: bool
    workers: Mapping[str, Workers]
    #: Isolated steps wait, and no `nodes` worker is there to take them.
    lacks_nodes_worker: bool


class HealthMiddleware(MiddlewareMixin):
    """Answers the two paths itself; everything else goes on."""

    def process_request(self, request: HttpRequest) -> HttpResponse | None:
        """The answer to a health check, or none."""
        if request.path == "/healthz":
            return JsonResponse({"status": "ok"})
        return ready() if request.path == "/readyz" else None


def ready() -> HttpResponse:
    """200 when this process can serve, else 503; names what works, and counts the workers."""
    until = time.monotonic() + MOST_SECONDS
    database_asked, redis_asked = DATABASE.ask(), REDIS.ask()
    database, has_redis = _answer("database", database_asked, until), _answer("redis", redis_asked, until)
    checks = _checks(database, has_redis=bool(has_redis))
    status = "ok" if all(checks.values()) else "degraded"
    if not all(checks[name] for name in REQUIRED):
        status = "unavailable"
    shown: dict[str, Any] = {name: "ok" if good else "failed" for name, good in checks.items()}
    answer = {"status": status, "checks": shown, "workers": database.workers if database else {}}
    return JsonResponse(answer, status=503 if status == "unavailable" else 200)


def _checks(database: Database | None, *, has_redis: bool) -> dict[str, bool]:
    """What is to be known, by name; of workers only with a database that has them."""
    checks = {"database": database is not None, "migrations": bool(database and database.is_migrated)}
    checks["redis"] = has_redis
    if database and database.is_migrated:
        checks["workers"] = any(of["live"] for queue, of in database.workers.items() if queue != NODES)
        checks["nodes"] = not database.lacks_nodes_worker
    return checks


def _answer(name: str, asked: "Future[Any]", until: float) -> Any:
    """What was answered in time, else None."""
    try:
        return asked.result(max(0.0, until - time.monotonic()))
    except (Error, redis.RedisError, OSError) as error:  # a TimeoutError is an OSError
        logger.warning("not ready: %s: %s", name, error, extra={"action": "not_ready", "check": name})
        return None


def _database() -> Database:
    """Asked over the connections that requests use."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL statement_timeout = {round(MOST_SECONDS * 1000)}")
            if not is_migrated():
                return Database(is_migrated=False, workers={}, lacks_nodes_worker=False)
            workers = workers_by_queue()
            lacks = not workers[NODES]["live"] and untaken_jobs().exists()
            return Database(is_migrated=True, workers=workers, lacks_nodes_worker=lacks)
    finally:
        connection.close()


def _redis() -> bool:
    with redis.Redis.from_url(
        settings.REDIS_URL, socket_connect_timeout=REDIS_SECONDS, socket_timeout=REDIS_SECONDS
    ) as client:
        return bool(client.ping())


DATABASE, REDIS = Probe("database", _database), Probe("redis", _redis)
