"""The overview and the lists of graphs and runs say how nodes of a run ended, and what waits."""

import pytest
from django.contrib.auth.models import User
from django.test import Client

from agentflow.graphs.models import Graph
from executions.engine.status import Status
from tests import factories
from tests.executions import recorded

pytestmark = pytest.mark.django_db
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
