"""What is stuck is found, what goes its way is not; and what a person may do about it."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from agentflow.graphs.models import Graph
from executions.engine.status import Status
from executions.ids import node_execution_id
from executions.mending import give_up, hand_back
from executions.models import Approval, Execution, NodeExecution, NodeJob, Worker
from executions.stuck import MOST, Kind, found, stuck, workers
from tests import factories
from tests.executions import recorded

pytestmark = pytest.mark.django_db

LATE = timedelta(minutes=5)


@pytest.fixture
def graph(alice: User) -> Graph:
    return factories.graph(alice, name="Nightly")


def worker(seconds: float = 60, **fields: Any) -> Worker:
    least: dict[str, Any] = {
        "name": "w",
        "host": "h",
        "process_id": 1,
        "queue": "default",
        "capacity": 9,
        "version": "1",
    }
    return Worker.objects.create(**least | fields, expires_at=timezone.now() + timedelta(seconds=seconds))


def unclaimed(graph: Graph, late: timedelta) -> Execution:
    return recorded.execution(graph, status=Status.QUEUED, queued_at=timezone.now() - late)


def lost(graph: Graph, late: timedelta) -> Execution:
    return recorded.execution(graph, holder=worker(-late.total_seconds()))


def nobodys(graph: Graph, late: timedelta) -> Execution:
    return recorded.execution(graph, holder=None if late else worker())


def overdue(graph: Graph, late: timedelta) -> Execution:
    return recorded.execution(graph, status=Status.WAITING, wake_at=timezone.now() - late)


def asks(graph: Graph, late: timedelta, *, is_done: bool = False) -> Execution:
    """A run that waits although the decision is there since `late`."""
    run = recorded.execution(graph, status=Status.WAITING)
    question = uuid4()
    wait = {"for": "approval", "approval": str(question)} | ({"done": True} if is_done else {})
    further = {"approval 2": {"for": "approval", "approval": str(uuid4())}} if is_done else {}
    recorded.record(run, "ask", status=Status.WAITING, waits={"approval 1": wait} | further)
    Approval.objects.create(
        id=question,
        execution=run,
        node_execution_id=node_execution_id(run.pk, "ask", (), 0),
        kind="approval",
        decision="approved",
        decided_at=timezone.now() - late,
    )
    return run


def untold(graph: Graph, late: timedelta) -> Execution:
    run = recorded.execution(graph, status=Status.WAITING)
    ended_at = timezone.now() - late
    recorded.execution(graph, status=Status.COMPLETED, parent=run, told_parent=False, ended_at=ended_at)
    return run


def uncancelled(graph: Graph, late: timedelta) -> Execution:
    return recorded.execution(graph, holder=worker(), cancel_requested_at=timezone.now() - late)


def job(graph: Graph, **fields: Any) -> Execution:
    run = recorded.execution(graph, holder=worker())
    NodeJob.objects.create(execution=run, node_execution_id=uuid4(), payload={}, **fields)
    return run


def untaken(graph: Graph, late: timedelta) -> Execution:
    return job(graph, created_at=timezone.now() - late)


def silent(graph: Graph, late: timedelta) -> Execution:
    now = timezone.now()
    return job(graph, created_at=now - LATE, claimed_at=now - LATE, claimed_by="h-7", beat_at=now - late)


Make = Callable[[Graph, timedelta], Execution]


@pytest.mark.parametrize(
    ("kind", "make"),
    [
        (Kind.UNCLAIMED, unclaimed),
        (Kind.UNHELD, lost),
        (Kind.UNHELD, nobodys),
        (Kind.OVERDUE, overdue),
        (Kind.ANSWERED, asks),
        (Kind.ANSWERED, untold),
        (Kind.UNCANCELLED, uncancelled),
        (Kind.UNTAKEN, untaken),
        (Kind.SILENT, silent),
    ],
)
def test_each_kind_is_found_once_it_is_late_and_as_nothing_else(graph: Graph, kind: Kind, make: Make) -> None:
    make(graph, timedelta())
    assert all(not of_kind.rows for of_kind in stuck().values())
    run = make(graph, LATE)
    everything = {(kind, row.execution, row.graph) for kind, of_kind in stuck().items() for row in of_kind.rows}
    assert everything == {(kind, run.pk, "Nightly")}


def test_a_node_that_waits_for_its_next_question_is_not_answered(graph: Graph) -> None:
    asks(graph, LATE, is_done=True)
    assert not found(Kind.ANSWERED).rows


def test_the_longest_stand_first_and_many_are_cut(graph: Graph) -> None:
    runs = [unclaimed(graph, LATE + timedelta(seconds=number)) for number in range(MOST + 1)]
    of_kind = found(Kind.UNCLAIMED)
    assert (len(of_kind.rows), of_kind.is_more, of_kind.rows[0].execution) == (MOST, True, runs[-1].pk)


def test_a_picture_takes_as_many_queries_for_nothing_as_for_much(graph: Graph) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            stuck()
            workers()
        return len(captured)

    before = queries()
    for make in (unclaimed, lost, overdue, asks, untold, uncancelled, untaken, silent):
        for _ in range(3):
            make(graph, LATE)
    assert queries() == before == len(Kind) + 1


def test_workers_say_what_they_host_and_how_long_their_lease_lasts(graph: Graph) -> None:
    live, quiet, gone = worker(7.9, name="live"), worker(1, name="quiet"), worker(-60, name="gone")
    worker(-3, name="stopped", stopped_at=timezone.now())
    worker(-7200, name="long gone")
    forgotten = worker(-7200, name="forgotten")
    for holder in (live, live, forgotten):
        recorded.execution(graph, holder=holder)
    recorded.execution(graph, holder=live, status=Status.COMPLETED)
    states = {found.name: (found.state, found.hosted) for found in workers()}
    assert states == {
        live.name: ("live", 2),
        quiet.name: ("silent", 0),
        "stopped": ("stopped", 0),
        gone.name: ("lost", 0),
        "forgotten": ("lost", 1),
    }
    assert 7 < workers()[0].lease_seconds <= 7.9


def test_handing_back_queues_it_with_the_next_epoch_and_says_who_did(graph: Graph, alice: User) -> None:
    run = recorded.execution(graph, holder=worker(-300), epoch=4, seq=7)
    NodeJob.objects.create(execution=run, node_execution_id=uuid4(), payload={})
    assert hand_back(run, user=alice)
    run.refresh_from_db()
    assert (run.status, run.holder, run.epoch, run.seq) == (Status.QUEUED, None, 5, 8)
    assert [(event["kind"], event["text"]) for event in run.events] == [("handed_over", "Handed back by alice")]
    assert not NodeJob.objects.exists()
    assert not hand_back(recorded.execution(graph, status=Status.COMPLETED), user=alice)


def test_giving_up_ends_it_and_what_was_open(graph: Graph, alice: User) -> None:
    run = recorded.execution(graph, holder=worker(-300))
    recorded.record(run, "a")
    child = recorded.execution(graph, parent=run)
    assert give_up(run, user=alice)
    run.refresh_from_db()
    child.refresh_from_db()
    assert (run.status, run.reason, run.ended_at is not None) == (Status.FAILED, "lost", True)
    assert "alice ended it" in (run.error or {})["detail"]
    assert NodeExecution.objects.get().status == Status.CANCELLED
    assert child.cancel_requested_at is not None
    assert not give_up(run, user=alice)
