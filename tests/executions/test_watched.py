"""What a watcher is told of an execution that should go on and does not."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from agentflow.graphs.models import Graph
from executions.engine.status import Status
from executions.models import Execution, NodeJob, Worker
from executions.watched import read_watched
from tests import factories
from tests.executions import recorded

pytestmark = pytest.mark.django_db

#: A lease that was renewed a moment ago, one that was not renewed in time, one that is over.
FRESH, SILENT, OVER = 7.5, 1.0, -1.0


@pytest.fixture
def graph(alice: User) -> Graph:
    return factories.graph(alice)


def worker(lease: float = FRESH, *, queue: str = "default", name: str = "w", stopped: bool = False) -> Worker:
    now = timezone.now()
    return Worker.objects.create(
        name=name,
        host="h",
        process_id=1,
        queue=queue,
        capacity=9,
        version="1",
        expires_at=now + timedelta(seconds=lease),
        stopped_at=now if stopped else None,
    )


def event(kind: str) -> dict[str, Any]:
    return {"at": timezone.now().isoformat(), "kind": kind, "text": kind, "seq": 1}


def held_up_by(run: Execution) -> str:
    row = read_watched(run.pk)
    assert row is not None
    return row["held_up_by"]


def test_a_run_on_a_worker_that_answers_is_not_held_up(graph: Graph) -> None:
    assert held_up_by(recorded.execution(graph, holder=worker())) == ""


def test_a_queued_run_waits_for_a_worker_when_none_answers(graph: Graph) -> None:
    run = recorded.execution(graph, status=Status.QUEUED)
    for lease, stopped in ((OVER, False), (SILENT, False), (FRESH, True)):
        worker(lease, stopped=stopped)
        worker(queue="nodes")
        assert held_up_by(run) == "no_worker"
    worker()
    assert held_up_by(run) == ""


def test_a_worker_that_renews_nothing_is_silent_until_another_goes_on(graph: Graph) -> None:
    run = recorded.execution(graph, holder=worker(SILENT))
    assert held_up_by(run) == "no_worker"
    worker(name="other")
    assert held_up_by(run) == "worker_silent"


def test_a_run_that_lost_its_worker_says_so_until_it_is_taken(graph: Graph) -> None:
    worker()
    for kind in ("worker_lost", "handed_over"):
        run = recorded.execution(graph, status=Status.QUEUED, events=[event(kind)])
        assert held_up_by(run) == kind
        Execution.objects.filter(pk=run.pk).update(status=Status.RUNNING, events=[event(kind), event("resumed")])
        assert held_up_by(run) == ""


def test_a_timer_that_is_due_with_nobody_to_look_is_told(graph: Graph) -> None:
    run = recorded.execution(graph, status=Status.WAITING, wake_at=timezone.now() - timedelta(minutes=1))
    assert held_up_by(run) == "no_worker"
    Execution.objects.filter(pk=run.pk).update(wake_at=timezone.now() + timedelta(minutes=1))
    assert held_up_by(run) == ""


def test_a_step_in_a_process_waits_for_a_nodes_worker(graph: Graph) -> None:
    run = recorded.execution(graph, holder=worker())
    NodeJob.objects.create(execution=run, node_execution_id=uuid4(), payload={})
    assert held_up_by(run) == ""  # it was just offered
    NodeJob.objects.update(created_at=timezone.now() - timedelta(minutes=1))
    assert held_up_by(run) == "no_nodes_worker"
    worker(queue="nodes")
    assert held_up_by(run) == ""


def test_watching_takes_one_query(graph: Graph, django_assert_num_queries: Any) -> None:
    run = recorded.execution(graph, holder=worker())
    with django_assert_num_queries(1):
        read_watched(run.pk)
