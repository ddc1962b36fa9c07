"""What a graph does not keep is deleted in batches; what is not over, and what it reads, stays."""

from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from agentflow.graphs.models import Graph
from executions import retention
from executions.engine.status import Status
from executions.ids import uuid7
from executions.models import EndedRun, Execution, NodeExecution, Output
from tests import factories
from tests.executions import recorded

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def graph(transactional_db: None) -> Graph:
    made = factories.graph(factories.user("alice"))
    Graph.objects.filter(pk=made.pk).update(keep_days=7)
    return made


def run(graph: Graph, days: float = 0, status: Status = Status.COMPLETED, **fields: Any) -> Execution:
    """One that was made, and ended if it is over, so many days ago."""
    at = timezone.now() - timedelta(days=days)
    made = recorded.execution(graph, status=status, id=made_at(at.timestamp()), **fields)
    if made.ended_at:
        Execution.objects.filter(pk=made.pk).update(ended_at=at)
    return made


def made_at(seconds: float) -> Any:
    fresh = uuid7()
    return type(fresh)(int=int(seconds * 1_000) << 80 | fresh.int & (1 << 80) - 1)


def left() -> set[Any]:
    retention.forget()
    return set(Execution.objects.values_list("pk", flat=True))


def test_what_ended_long_ago_is_deleted_with_all_that_it_has(graph: Graph) -> None:
    old, new = run(graph, 8), run(graph, 6)
    for each in (old, new):
        recorded.record(each, "a", status=Status.COMPLETED)
        recorded.emit(each, "a", "value", 1)
    assert left() == {new.pk}
    assert NodeExecution.objects.count() == Output.objects.count() == 1


def test_the_newest_are_kept(graph: Graph) -> None:
    Graph.objects.update(keep_days=0, keep_executions=2)
    runs = [run(graph, days) for days in (5, 4, 3, 2)]
    assert left() == {each.pk for each in runs[2:]}


def test_both_limits_count(graph: Graph) -> None:
    Graph.objects.update(keep_executions=1)
    runs = [run(graph, days) for days in (9, 3, 2)]
    retention.forget()
    assert left() == {runs[2].pk}


@pytest.mark.parametrize("status", [Status.QUEUED, Status.RUNNING, Status.WAITING])
def test_what_is_not_over_stays(graph: Graph, status: Status) -> None:
    Graph.objects.update(keep_executions=1)
    active = run(graph, 400, status)
    newest = run(graph)
    assert left() == {active.pk, newest.pk}


def test_what_an_active_run_has_started_stays(graph: Graph) -> None:
    parent = run(graph, 9, Status.WAITING)
    child = run(graph, 8, parent=parent)
    assert left() == {parent.pk, child.pk}


def test_what_an_active_run_goes_on_from_stays(graph: Graph) -> None:
    source = run(graph, 9)
    retry = run(graph, 0, Status.RUNNING, retry_of=source)
    assert left() == {source.pk, retry.pk}


def test_what_somebody_is_still_to_be_told_of_stays(graph: Graph) -> None:
    ended = run(graph, 9)
    EndedRun.objects.create(execution=ended)
    assert left() == {ended.pk}


def test_an_ended_family_goes_piece_by_piece(graph: Graph) -> None:
    other = factories.graph(graph.owner)
    parent = run(graph, 9)
    child = run(other, 9, parent=parent, retry_of=parent)
    assert left() == {child.pk}
    assert Execution.objects.filter(pk=child.pk, parent=None, retry_of=None).exists()


def test_graphs_keep_everything_unless_somebody_says_otherwise(graph: Graph, monkeypatch: pytest.MonkeyPatch) -> None:
    Graph.objects.update(keep_days=None)
    old = run(graph, 900)
    assert left() == {old.pk}
    monkeypatch.setattr(settings, "KEEP_DAYS", 30)
    assert left() == set()


def test_a_locked_run_is_passed_over(graph: Graph) -> None:
    first, second = run(graph, 9), run(graph, 8)
    other = connection.copy()
    try:
        with transaction.atomic(), other.cursor() as cursor:
            cursor.execute("BEGIN")
            cursor.execute("SELECT 1 FROM executions_execution WHERE id = %s FOR UPDATE", [first.pk])
            assert left() == {first.pk}
            assert second.pk not in left()
    finally:
        other.close()


def test_many_go_in_batches(graph: Graph, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "BATCH", 2)
    for _ in range(5):
        run(graph, 9)
    assert [retention.forget() for _ in range(4)] == [2, 2, 1, 0]
