"""Start, cancel, run again: what admin, API, pages and triggers call."""

import time
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.db.models.functions import Now

from agentflow import wake
from agentflow.accounts import audit
from agentflow.graphs.models import Graph, GraphVersion
from agentflow.graphs.services import version_for_run
from executions.crash_points import Point, reached
from executions.ending import end_unheld
from executions.ids import uuid7
from executions.models import Execution
from executions.scope import changed_graphs
from executions.starting import GONE, StartRefused, announce, checked_inputs, refuse_errors, refuse_unpaid

__all__ = [
    "IdempotencyConflict",
    "StartRefused",
    "cancel_execution",
    "cancel_executions",
    "rerun_execution",
    "start_execution",
    "start_executions",
]

#: Executions started by one request.
MOST_AT_ONCE = 1_000
#: How long a cancel waits for the workers, and how often it looks.
ACKNOWLEDGE_SECONDS = 1.0
LOOK_SECONDS = 0.01


class IdempotencyConflict(Exception):
    """The same idempotency key was used for another start."""


def start_execution(
    graph: Graph,
    *,
    user: User,
    inputs: Mapping[str, Any],
    version: GraphVersion | None = None,
    trigger: str = "manual",
    idempotency_key: str = "",
    idempotency_digest: str = "",
    keep: Execution | None = None,
    use_pins: bool = False,
) -> Execution:
    """A queued execution of the version, or of the draft as it is now; committed before anybody is told.

    The same idempotency key gives the same execution. Of `keep`, an earlier execution of the graph, results whose input
    is the same are taken instead of running nodes again. With `use_pins` nodes give their pinned data.

    Raises:
        StartRefused: the graph has errors, the inputs do not fit, or there is no money (OutOfFunds).
        IdempotencyConflict: the key was used with another digest.
    """
    if idempotency_key and (earlier := _earlier(graph, user, idempotency_key, idempotency_digest)):
        return earlier[0]
    version = version or version_for_run(graph, user)
    refuse_unpaid(version.pk, graph=graph.pk, owner=user.pk)
    execution = Execution(
        graph=graph,
        version=version,
        owner=user,
        inputs=checked_inputs(version, inputs, user),
        trigger=trigger,
        concurrency=settings.EXECUTION_CONCURRENCY,
        idempotency_key=idempotency_key,
        idempotency_digest=idempotency_digest,
        retry_of=keep,
        choice=keep and _keeping(keep),
        use_pins=use_pins,
    )
    return _saved([execution])[0]


def start_executions(
    graph: Graph,
    *,
    user: User,
    inputs_list: Sequence[Mapping[str, Any]],
    version: GraphVersion | None = None,
    trigger: str = "manual",
    idempotency_key: str = "",
    idempotency_digest: str = "",
    use_pins: bool = False,
) -> list[Execution]:
    """As many executions as there are inputs, all or none, in their order.

    Raises:
        StartRefused: too many or none, the graph has errors, or inputs do not fit: `#/inputs_list/3/name`.
        IdempotencyConflict: the key was used with another digest.
    """
    if idempotency_key and (earlier := _earlier(graph, user, idempotency_key, idempotency_digest)):
        return earlier
    if not 1 <= len(inputs_list) <= MOST_AT_ONCE:
        raise StartRefused([{"pointer": "#/inputs_list", "detail": f"Give 1 to {MOST_AT_ONCE:,} inputs."}])
    version = version or version_for_run(graph, user)
    refuse_unpaid(version.pk, graph=graph.pk, owner=user.pk)
    resolved = _all_checked(version, inputs_list, user)
    batch = uuid7()
    executions = [
        Execution(
            id=uuid7() if number else batch,
            graph=graph,
            version=version,
            owner=user,
            inputs=inputs,
            trigger=trigger,
            concurrency=settings.EXECUTION_CONCURRENCY,
            batch=batch,
            idempotency_key="" if number else idempotency_key,
            idempotency_digest="" if number else idempotency_digest,
            use_pins=use_pins,
        )
        for number, inputs in enumerate(resolved)
    ]
    return _saved(executions)


def cancel_execution(execution: Execution, *, user: User) -> None:
    """Have the execution end; see `cancel_executions`."""
    cancel_executions([execution], user=user)


def cancel_executions(executions: Iterable[Execution], *, user: User) -> None:
    """Have the executions, and those of other graphs that they started, end; final ones stay.

    Their workers stop what runs; without a worker they end here and now. Nothing of them starts any more when this
    returns, unless a worker has not answered for a second: the sweeper ends those.
    """
    cancelled: list[UUID] = []
    for execution in executions:
        family = _family(execution.pk)
        changed = Execution.objects.filter(pk__in=family, ended_at=None, cancel_requested_at=None)
        if changed.update(cancel_requested_at=Now()):
            audit.record(user, "cancelled", execution)
            reached(Point.CANCEL_STORED)
            for id in family:
                end_unheld(id)
            transaction.on_commit(partial(_tell_cancelled, family, execution.graph_id))
            cancelled += family
    if cancelled:
        transaction.on_commit(partial(_until_over, cancelled))


def rerun_execution(execution: Execution, *, user: User) -> Execution:
    """A new execution of the same version with the same inputs.

    Raises:
        StartRefused: the version cannot run here any more: a block is gone, say.
    """
    inputs = Execution.objects.values_list("inputs", flat=True).get(pk=execution.pk)
    refuse_errors(execution.version_id, user)
    refuse_unpaid(execution.version_id, graph=execution.graph_id, owner=user.pk)
    made = Execution(
        graph_id=execution.graph_id,
        version_id=execution.version_id,
        owner=user,
        inputs=inputs,
        trigger="rerun",
        concurrency=settings.EXECUTION_CONCURRENCY,
        retry_of=execution,
        use_pins=execution.use_pins,
    )
    return _saved([made])[0]


def _saved(executions: list[Execution]) -> list[Execution]:
    """Store them in one transaction, then tell; the same idempotency key at the same time: what the faster one stored."""
    first = executions[0]
    try:
        with transaction.atomic():
            Execution.objects.bulk_create(executions)
    except IntegrityError:
        graph, user, key = first.graph, first.owner, first.idempotency_key
        if key and (earlier := _earlier(graph, user, key, first.idempotency_digest)):
            return earlier
        _refuse_if_deleted(first.version_id)
        raise
    transaction.on_commit(lambda: announce(*executions))
    return executions


def _keeping(keep: Execution) -> dict[str, Any]:
    """What of an earlier execution may be kept: all but runs of graphs that have changed since."""
    return {"reuse": True, "fresh": changed_graphs(keep)}


def _family(root: UUID) -> list[UUID]:
    """The execution and all that it has started, directly or not."""
    found = [root]
    above = [root]
    while above:
        above = list(Execution.objects.filter(parent__in=above, ended_at=None).values_list("pk", flat=True))
        found += above
    return found


def _earlier(graph: Graph, user: User, key: str, digest: str) -> list[Execution]:
    """What was started with this key: an execution, or all of a batch."""
    found = Execution.objects.filter(graph=graph, owner=user, idempotency_key=key).first()
    if found is None:
        return []
    if found.idempotency_digest != digest:
        raise IdempotencyConflict(key)
    return [found] if found.batch is None else list(Execution.objects.filter(batch=found.batch).order_by("pk"))


def _all_checked(version: GraphVersion, inputs_list: Sequence[Mapping[str, Any]], user: User) -> list[dict[str, Any]]:
    resolved: list[dict[str, Any]] = []
    problems: list[dict[str, Any]] = []
    refuse_errors(version.pk, user)
    for number, inputs in enumerate(inputs_list):
        try:
            resolved.append(checked_inputs(version, inputs))
        except StartRefused as error:
            problems += [
                {**p, "pointer": p["pointer"].replace("#/inputs", f"#/inputs_list/{number}", 1)} for p in error.problems
            ]
    if problems:
        raise StartRefused(problems)
    return resolved


def _refuse_if_deleted(version: int) -> None:
    if not GraphVersion.objects.filter(pk=version).exists():
        raise StartRefused([GONE])


def _until_over(executions: list[UUID]) -> None:
    """Return when all have ended, or when it takes too long."""
    deadline = time.monotonic() + ACKNOWLEDGE_SECONDS
    left = Execution.objects.filter(pk__in=executions, ended_at=None)
    while left.exists() and time.monotonic() < deadline:
        time.sleep(LOOK_SECONDS)


def _tell_cancelled(family: list[UUID], graph: int) -> None:
    reached(Point.CANCEL_UNTOLD)
    if wake.ring(wake.CONTROL_CHANNEL, *(f"cancel:{id}" for id in family)):
        wake.ring(wake.WAKE_CHANNEL, *(f"e:{id}:0{wake.OVER}" for id in family), f"g:{graph}:0")
