"""The overview and the lists of graphs and runs say how nodes of a run ended, and what waits."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from agentflow.graphs.models import Graph
from executions.engine.status import Status
from executions.models import Execution
from executions.starting import StartRefused
from tests import factories
from tests.executions import recorded
from tests.pages.questions import asked

pytestmark = [pytest.mark.django_db, pytest.mark.redis]
COUNTS = {"total": 9, "completed": 5, "failed": 0, "handled": 1, "skipped": 3, "waiting": 0}


@pytest.fixture
def visitor(client: Client, alice: User) -> Client:
    client.force_login(alice)
    return client


@pytest.fixture
def graph(alice: User) -> Graph:
    return factories.graph(alice, name="Nightly")


def text(client: Client, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200
    return answer.content.decode()


@pytest.mark.parametrize("address", ["/", "/graphs/", "/executions/"])
def test_beside_a_status_stand_the_counts_that_are_not_zero(visitor: Client, graph: Graph, address: str) -> None:
    recorded.execution(graph, status=Status.COMPLETED, counts=COUNTS)
    page = text(visitor, address)
    assert "Completed" in page
    assert "1 handled" in page
    assert "3 skipped" in page
    assert 'title="0 ' not in page


def test_counts_say_what_they_mean(visitor: Client, graph: Graph) -> None:
    recorded.execution(graph, status=Status.FAILED, counts={"failed": 1_200, "waiting": 2})
    page = text(visitor, "/executions/")
    assert 'title="1,200 failed, and nothing took up the error"' in page
    assert 'title="2 waiting for a time, a person or another graph"' in page


def test_the_overview_tells_waiting_runs_from_running_ones(visitor: Client, graph: Graph) -> None:
    recorded.execution(graph, status=Status.RUNNING)
    for _ in range(2):
        recorded.execution(graph, status=Status.WAITING)
    page = text(visitor, "/")
    assert "<h2>Running now</h2><b>1</b>" in page
    assert '<a href="/executions/?status=waiting">2 waiting</a>' in page


def test_the_overview_shows_the_newest_run_of_a_graph(visitor: Client, graph: Graph) -> None:
    recorded.execution(graph, status=Status.FAILED)
    newest = recorded.execution(graph, status=Status.COMPLETED)
    assert f'<a href="/executions/{newest.pk}/">' in text(visitor, "/")


def test_pages_without_an_icon_of_their_own_have_one(client: Client) -> None:
    answer = client.get("/favicon.ico")
    assert (answer.status_code, answer["Location"]) == (302, "/static/img/icon.svg")


def test_a_waiting_run_leads_to_its_question(visitor: Client, graph: Graph) -> None:
    approval = asked(graph)
    assert f'href="/approvals/{approval.pk}/">Decide</a>' in text(visitor, "/executions/")


def test_a_viewer_is_not_told_to_decide(visitor: Client, graph: Graph, bob: User) -> None:
    asked(graph)
    factories.share(graph, bob)
    visitor.force_login(bob)
    page = text(visitor, "/executions/")
    assert "Show the question" in page
    assert "/cancel/" not in page


def test_a_run_that_waits_for_a_time_says_when_it_goes_on(visitor: Client, graph: Graph) -> None:
    recorded.execution(graph, status=Status.WAITING, wake_at=timezone.now() + timedelta(seconds=150.9))
    assert ">in 2 min 3" in text(visitor, "/executions/")


def test_runs_say_where_they_come_from(visitor: Client, graph: Graph) -> None:
    first = recorded.execution(graph, status=Status.FAILED)
    recorded.execution(graph, status=Status.COMPLETED, retry_of=first, trigger="retry", batch=first.pk)
    recorded.execution(graph, status=Status.COMPLETED, parent=first, trigger="graph")
    page = text(visitor, "/executions/")
    for words in ("retry of another run", "started by another run"):
        assert f'<a href="/executions/{first.pk}/" title="{first.pk}">{words}</a>' in page
    batch = text(visitor, f"/executions/?batch={first.pk}")
    assert ("retry of another run" in batch, "started by another run" in batch) == (True, False)


def test_a_failed_run_is_retried_from_the_list(visitor: Client, graph: Graph) -> None:
    run = recorded.execution(graph, status=Status.FAILED)
    assert f'action="/executions/{run.pk}/retry/"' in text(visitor, "/executions/")
    answer = visitor.post(f"/executions/{run.pk}/retry/")
    assert answer["Location"] == f"/executions/{Execution.objects.get(retry_of=run).pk}/"


def test_a_run_is_started_again_and_cancelled_from_the_list(visitor: Client, graph: Graph) -> None:
    run = recorded.execution(graph, status=Status.COMPLETED, inputs={"a": 1})
    visitor.post(f"/executions/{run.pk}/rerun/")
    again = Execution.objects.get(trigger="rerun")
    visitor.post(f"/executions/{again.pk}/cancel/")
    again.refresh_from_db()
    assert (again.inputs, again.cancel_requested_at is not None) == ({"a": 1}, True)


def test_a_retry_that_is_refused_says_why(visitor: Client, graph: Graph, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise StartRefused([{"pointer": "#/repeat_once", "detail": "Pay must happen only once."}])

    monkeypatch.setattr("agentflow.pages.runs.retry_execution", refuse)
    run = recorded.execution(graph, status=Status.FAILED)
    answer = visitor.post(f"/executions/{run.pk}/retry/", follow=True)
    assert "Pay must happen only once." in answer.content.decode()


@pytest.mark.parametrize("action", ["retry", "rerun", "cancel"])
def test_only_runners_act_on_runs(visitor: Client, graph: Graph, bob: User, charlie: User, action: str) -> None:
    run = recorded.execution(graph, status=Status.FAILED)
    factories.share(graph, bob)
    for user, status in ((bob, 403), (charlie, 404)):
        visitor.force_login(user)
        assert visitor.post(f"/executions/{run.pk}/{action}/").status_code == status
    assert Execution.objects.count() == 1
    assert visitor.get(f"/executions/{run.pk}/{action}/").status_code == 405
