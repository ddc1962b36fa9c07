"""Start, cancel, run again: what admin, API, pages and triggers call."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import redis
from django.conf import settings
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.db.models.functions import Now

from agentflow import wake
from agentflow.graphs.models import Graph, GraphVersion
from agentflow.graphs.services import version_for_run
from agentflow.graphs.spec import GraphSpec, NodeSpec
from agentflow.graphs.validation import Problem, validate
from blocks.base import BlockError
from blocks.registry import registry
from executions.ending import end_unheld
from executions.inputs import InputsRefused, input_nodes, resolve_inputs
from executions.models import Execution
from executions.tickets import enqueue_ticket
from executions.values import encode


class StartRefused(Exception):
    """The graph or the inputs do not allow a start; `problems` are `{pointer, detail, node?}`."""

    def __init__(self, problems: list[dict[str, Any]]) -> None:
        super().__init__("; ".join(problem["detail"] for problem in problems))
        self.problems = problems


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
) -> Execution:
    """A queued execution of the version, or of the draft as it is now; committed before anybody is told.

    The same idempotency key gives the same execution.

    Raises:
        StartRefused: the graph has errors, or the inputs do not fit.
        IdempotencyConflict: the key was used with another digest.
    """
    if idempotency_key and (earlier := _earlier(graph, user, idempotency_key, idempotency_digest)):
        return earlier
    version = version or version_for_run(graph, user)
    resolved = _checked(version, inputs)
    execution = Execution(
        graph=graph,
        version=version,
        owner=user,
        inputs=resolved,
        trigger=trigger,
        concurrency=settings.EXECUTION_CONCURRENCY,
        idempotency_key=idempotency_key,
        idempotency_digest=idempotency_digest,
    )
    try:
        with transaction.atomic():
            execution.save(force_insert=True)
    except IntegrityError:
        if idempotency_key and (earlier := _earlier(graph, user, idempotency_key, idempotency_digest)):
            return earlier  # somebody was faster
        _refuse_if_deleted(version)
        raise
    transaction.on_commit(lambda: _announce(execution))
    return execution


def cancel_execution(execution: Execution, *, user: User) -> None:
    """Have the execution end: its worker stops what runs; without a worker it ends here and now. Final ones stay."""
    changed = Execution.objects.filter(pk=execution.pk, ended_at=None, cancel_requested_at=None).update(
        cancel_requested_at=Now()
    )
    if changed:
        end_unheld(execution.pk)
        transaction.on_commit(lambda: _tell_cancelled(execution))


def rerun_execution(execution: Execution, *, user: User) -> Execution:
    """A new execution of the same version with the same inputs.

    Raises:
        StartRefused: the version cannot run here any more: a block is gone, say.
    """
    inputs = Execution.objects.values_list("inputs", flat=True).get(pk=execution.pk)
    _refuse_problems(_checks(execution.version_id).problems)
    made = Execution.objects.create(
        graph_id=execution.graph_id,
        version_id=execution.version_id,
        owner=user,
        inputs=inputs,
        trigger="rerun",
        concurrency=settings.EXECUTION_CONCURRENCY,
        retry_of=execution,
    )
    transaction.on_commit(lambda: _announce(made))
    return made


def _earlier(graph: Graph, user: User, key: str, digest: str) -> Execution | None:
    found = Execution.objects.filter(graph=graph, owner=user, idempotency_key=key).first()
    if found is not None and found.idempotency_digest != digest:
        raise IdempotencyConflict(key)
    return found


def _checked(version: GraphVersion, inputs: Mapping[str, Any]) -> dict[str, Any]:
    checks = _checks(version.pk)
    _refuse_problems(checks.problems)
    try:
        resolved = resolve_inputs(checks.inputs, inputs)
        encode(resolved)
    except InputsRefused as error:
        raise StartRefused(list(error.problems)) from error
    except BlockError as error:
        raise StartRefused([{"pointer": "#/inputs", "detail": error.message}]) from error
    return resolved


class _Checks(NamedTuple):
    """What a start must know of a version, however large its graph is."""

    inputs: tuple[NodeSpec, ...]
    problems: tuple[Problem, ...]


@lru_cache(maxsize=500)
def _checks(version_id: int) -> _Checks:
    """A version never changes, and blocks only with the process: it is looked at once."""
    data = GraphVersion.objects.filter(pk=version_id).values_list("spec", flat=True).first()
    if data is None:
        raise StartRefused([_GONE])
    spec = GraphSpec.from_json(data)
    problems = tuple(problem for problem in validate(spec, registry()) if problem.severity == "error")
    return _Checks(input_nodes(spec), problems)


def _refuse_problems(problems: Sequence[Problem]) -> None:
    if problems:
        raise StartRefused([{"pointer": p.pointer, "detail": p.detail, "node": p.node} for p in problems])


def _refuse_if_deleted(version: GraphVersion) -> None:
    if not GraphVersion.objects.filter(pk=version.pk).exists():
        raise StartRefused([_GONE])


_GONE = {"pointer": "#/version", "detail": "The graph, or this version of it, was deleted."}


def _announce(execution: Execution) -> None:
    """Ring for the workers, by the bell and by a ticket, and for those who look at the graph."""
    if not wake.ring(wake.CONTROL_CHANNEL, "work"):
        return  # workers look by themselves; the caller waits for Redis only once
    wake.ring(wake.WAKE_CHANNEL, f"g:{execution.graph_id}:0")
    try:
        enqueue_ticket(execution.pk)
    except redis.RedisError:
        wake.logger.warning("ticket not sent", extra={"action": "ticket_failed", "execution": str(execution.pk)})


def _tell_cancelled(execution: Execution) -> None:
    if wake.ring(wake.CONTROL_CHANNEL, f"cancel:{execution.pk}"):
        wake.ring(wake.WAKE_CHANNEL, f"e:{execution.pk}:0", f"g:{execution.graph_id}:0")
