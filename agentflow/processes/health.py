"""/healthz: this process lives. /readyz: it can serve, because the database and Redis answer and are up to date.

A middleware before all others: a load balancer asks by address, without a session and with whatever Host it likes.
"""

import logging
from collections.abc import Callable

import redis
from django.conf import settings
from django.db import Error, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.deprecation import MiddlewareMixin

logger = logging.getLogger(__name__)

REDIS_SECONDS = 2


class HealthMiddleware(MiddlewareMixin):
    """Answers the two paths itself; everything else goes on."""

    def process_request(self, request: HttpRequest) -> HttpResponse | None:
        """The answer to a health check, or none."""
        if request.path == "/healthz":
            return JsonResponse({"status": "ok"})
        return ready() if request.path == "/readyz" else None


def ready() -> HttpResponse:
    """200 when every check passes, else 503; names which."""
    results = {name: _passes(name, check) for name, check in CHECKS.items()}
    good = all(results.values())
    shown = {name: "ok" if result else "failed" for name, result in results.items()}
    return JsonResponse({"status": "ok" if good else "unavailable", "checks": shown}, status=200 if good else 503)


def _passes(name: str, check: Callable[[], bool]) -> bool:
    try:
        return check()
    except (Error, redis.RedisError, OSError) as error:
        logger.warning("not ready: %s: %s", name, error, extra={"action": "not_ready", "check": name})
        return False


def _database() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        return cursor.fetchone() is not None


def _migrations() -> bool:
    executor = MigrationExecutor(connection)
    return not executor.migration_plan(executor.loader.graph.leaf_nodes())


def _redis() -> bool:
    with redis.Redis.from_url(
        settings.REDIS_URL, socket_connect_timeout=REDIS_SECONDS, socket_timeout=REDIS_SECONDS
    ) as client:
        return bool(client.ping())


CHECKS: dict[str, Callable[[], bool]] = {"database": _database, "migrations": _migrations, "redis": _redis}
