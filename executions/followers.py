"""Who wants to know that an execution has ended: each follower is told once of each ending, whatever dies meanwhile.

The ending's own transaction writes an `EndedRun`. A chore gives what a follower does not know to it, in the transaction
that also notes that it knows: what a follower does to the database happens exactly once. A follower that fails is told
again later, and keeps nobody else from knowing.
"""

import logging
from collections.abc import Callable, Sequence
from datetime import timedelta
from uuid import UUID

from django.db import connection, transaction
from django.db.models import F, Func, Q, QuerySet, Value
from django.db.models.functions import Now

from agentflow.graphs.models import Graph
from executions.models import EndedRun, Execution, FollowedGraph

logger = logging.getLogger(__name__)

#: Endings that a follower is told at once.
BATCH = 200
#: How long to wait after the first failure; doubled each time.
RETRY_SECONDS, MOST_RETRY_SECONDS = 10, 3_600
#: One process at a time tells a follower, so that it hears of endings in their order; the number is any: "agff".
LOCK = "SELECT pg_try_advisory_xact_lock(1634166630, hashtext(%s))"

#: Is told of executions that have ended, oldest ending first, inside a transaction. Large columns are deferred.
Follower = Callable[[Sequence[Execution]], object]

_followers: dict[str, Follower] = {}


def register(name: str, follower: Follower) -> None:
    """Have it told of every execution without a parent that fails, and of all that end in graphs that it follows.

    Others' graphs are in it, too. It does what it does to the database with Django's connection, and may be told again
    if that is rolled back.
    """
    _followers[name] = follower


def follow(graph: Graph | int, *, name: str) -> None:
    """Tell this follower of every ending of the graph's executions from now on."""
    key = graph if isinstance(graph, int) else graph.pk
    FollowedGraph.objects.get_or_create(graph_id=key, follower=name)


def unfollow(graph: Graph | int, *, name: str) -> None:
    """Tell it of failures only."""
    key = graph if isinstance(graph, int) else graph.pk
    FollowedGraph.objects.filter(graph_id=key, follower=name).delete()


def take_lock(name: str) -> bool:
    """Whether nobody else does what has this name, until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute(LOCK, [name])
        return bool(cursor.fetchone()[0])


def tell() -> None:
    """Tell every follower what it does not know: a chore."""
    if not EndedRun.objects.exists():
        return
    for name, follower in tuple(_followers.items()):
        while _tell_some(name, follower):
            pass
    _forget()


def _tell_some(name: str, follower: Follower) -> bool:
    """Tell one batch; whether there may be more."""
    with transaction.atomic():
        if not take_lock(name):
            return False
        keys = _unknown(name)
        if not keys:
            return False
        told = _told(keys, name, follower)
        EndedRun.objects.filter(pk__in=told).update(handled_by=_with("handled_by", name))
        if failed := set(keys) - set(told):
            _put_off(failed, name)
    return len(keys) == BATCH


def _unknown(name: str) -> list[UUID]:
    """Endings that this follower does not know, oldest first; they are locked."""
    due = ~Q(failed_by__contains=[name]) | Q(not_before__lte=Now())
    rows = EndedRun.objects.filter(due).exclude(handled_by__contains=[name]).order_by("created_at", "pk")
    return list(rows.select_for_update(skip_locked=True, of=("self",)).values_list("pk", flat=True)[:BATCH])


def _told(keys: Sequence[UUID], name: str, follower: Follower) -> Sequence[UUID]:
    """Those of which it could be told: all at once, else each by itself."""
    if _try(keys, name, follower):
        return keys
    return [key for key in keys if _try([key], name, follower)] if len(keys) > 1 else []


def _try(keys: Sequence[UUID], name: str, follower: Follower) -> bool:
    by_key = {run.pk: run for run in _executions(keys)}
    runs = [by_key[key] for key in keys if key in by_key]  # others were deleted
    try:
        with transaction.atomic():
            follower(runs)
    except Exception:
        if connection.needs_rollback:
            raise  # the database is away, and no follower is to blame
        extra = {"action": "follower_failed", "follower": name, "executions": [str(key) for key in keys[:20]]}
        logger.exception("an ending could not be told", extra=extra)
        return False
    return True


def _executions(keys: Sequence[UUID]) -> QuerySet[Execution]:
    runs = Execution.objects.filter(pk__in=keys).select_related("graph", "owner")
    return runs.defer("inputs", "outputs", "choice", "events", "graph__annotations", "graph__limits")


def _put_off(keys: set[UUID], name: str) -> None:
    for row in EndedRun.objects.filter(pk__in=keys):
        seconds = min(RETRY_SECONDS * 2 ** min(row.failures, 20), MOST_RETRY_SECONDS)
        EndedRun.objects.filter(pk=row.pk).update(
            failures=F("failures") + 1,
            not_before=Now() + timedelta(seconds=seconds),
            failed_by=[*{*row.failed_by, name}],
        )


def _forget() -> None:
    """Delete what all followers know."""
    EndedRun.objects.filter(handled_by__contains=[*_followers]).delete()


def _with(column: str, name: str) -> Func:
    return Func(F(column), Value(name), function="array_append")
