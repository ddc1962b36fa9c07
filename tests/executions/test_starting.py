"""What a start refuses, and starts and cancels that no worker has seen yet."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import transaction

from agentflow.graphs.models import Graph
from agentflow.graphs.services import version_for_run
from executions import services
from executions.engine.status import Status
from executions.models import Execution
from tests.executions import recorded
from tests.executions.hosting import drawn, started

pytestmark = pytest.mark.django_db


@pytest.fixture
def one(alice: User) -> Graph:
    return drawn(alice, {"a": ("core.value", {"value": 1})})


def refusal(graph: Graph, **start: Any) -> dict[str, str]:
    """What a refused start points at, and why."""
    with pytest.raises(services.StartRefused) as refused:
        services.start_execution(graph, user=graph.owner, **{"inputs": {}, **start})
    return {problem["pointer"]: problem["detail"] for problem in refused.value.problems}


def test_inputs_are_checked_at_the_start(alice: User) -> None:
    graph = drawn(alice, {"i": ("io.input", {"name": "n", "type": "integer", "required": True})})
    assert set(refusal(graph, inputs={"m": 1})) == {"#/inputs/n", "#/inputs/m"}


def test_graph_with_errors_is_not_started(alice: User) -> None:
    assert "#/nodes/0/block" in refusal(drawn(alice, {"x": ("no.such", {})}))


def test_version_that_was_deleted_is_not_started(one: Graph) -> None:
    version = version_for_run(one, one.owner)
    type(version).objects.filter(pk=version.pk).delete()
    assert set(refusal(one, version=version)) == {"#/version"}


@pytest.mark.django_db(transaction=True)
def test_version_that_was_deleted_since_it_was_checked_is_not_started(one: Graph) -> None:
    version = version_for_run(one, one.owner)
    services.start_execution(one, user=one.owner, inputs={})
    Execution.objects.all().delete()
    type(version).objects.filter(pk=version.pk).delete()
    assert set(refusal(one, version=version)) == {"#/version"}


def test_rerun_of_what_cannot_run_any_more_is_refused(one: Graph) -> None:
    broken = recorded.version(one, {"nodes": [{"key": "x", "block": "no.such"}], "links": []})
    execution = Execution.objects.create(graph=one, version=broken, owner=one.owner)
    with pytest.raises(services.StartRefused):
        services.rerun_execution(execution, user=one.owner)


def test_same_idempotency_key_gives_the_same_execution(one: Graph) -> None:
    keys: Any = {"idempotency_key": "k", "idempotency_digest": "d"}
    first = services.start_execution(one, user=one.owner, inputs={}, **keys)
    assert services.start_execution(one, user=one.owner, inputs={}, **keys) == first
    with pytest.raises(services.IdempotencyConflict):
        services.start_execution(one, user=one.owner, inputs={}, **keys | {"idempotency_digest": "other"})


def test_cancel_without_a_worker_ends_it_at_once(alice: User) -> None:
    execution = started(alice, {"a": ("core.value", {"value": 1})})
    services.cancel_execution(execution, user=alice)
    execution.refresh_from_db()
    assert execution.status == Status.CANCELLED


def test_cancel_within_a_transaction_that_fails_cancels_nothing(one: Graph) -> None:
    execution = services.start_execution(one, user=one.owner, inputs={})
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        services.cancel_execution(execution, user=one.owner)
        raise ZeroDivisionError
    execution.refresh_from_db()
    assert (execution.status, execution.cancel_requested_at) == (Status.QUEUED, None)
