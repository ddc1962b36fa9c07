"""The usage page, its export and its API: what was used counts once, and only who may see it sees it."""

import csv
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries
from rest_framework.test import APIClient

from agentflow.costs.counting import count_more
from agentflow.costs.exporting import csv_of, harmless
from agentflow.costs.models import Budget, DailyUsage, Mark
from agentflow.costs.usage import last_days, total, used_by
from agentflow.graphs.models import Graph, Role
from executions.engine.status import Status
from executions.models import Charge, Execution, NodeExecution
from tests import factories
from tests.executions import recorded

pytestmark = pytest.mark.django_db


@pytest.fixture
def graph(alice: User) -> Graph:
    return factories.graph(alice, name="Nightly")


def ran(
    graph: Graph, *, minutes_ago: float = 5, cost: str = "", usage: dict[str, Any] | None = None, **more: Any
) -> Execution:
    """A run of one node that took two seconds."""
    end = timezone.now() - timedelta(minutes=minutes_ago)
    execution = recorded.execution(graph, status=Status.COMPLETED, ended_at=end, **more)
    times = {"started_at": end - timedelta(seconds=2), "ended_at": end}
    recorded.record(execution, "a", status=Status.COMPLETED, usage=usage or {}, cost=Decimal(cost or 0), **times)
    if cost:
        row = NodeExecution.objects.get(execution=execution)
        Charge.objects.create(
            id=row.pk,
            execution=execution,
            graph=graph,
            owner=execution.owner,
            node="a",
            block="core.value",
            amount=Decimal(cost),
            seconds=1.5,
            usage=usage or {},
            created_at=end,
        )
    return execution


def counted() -> None:
    """What the worker's chore does, until nothing is left; the first time it only begins."""
    for _ in range(2):
        count_more()


def figures(user: User) -> tuple[int, float, int, Decimal]:
    found = total(used_by(last_days(user, 30), "day")[0])
    return found.runs, found.seconds, found.tokens, found.cost


def test_what_was_used_counts_once_whether_or_not_it_was_added_up(alice: User, graph: Graph) -> None:
    ran(graph, usage={"input_tokens": 5, "output_tokens": 7})
    ran(graph, cost="0.25", usage={"tokens": 30})
    expected = (2, 3.5, 42, Decimal("0.25"))
    assert figures(alice) == expected
    counted()
    assert DailyUsage.objects.exists()
    assert figures(alice) == expected
    ran(graph, minutes_ago=0.1)
    counted()
    assert figures(alice) == (3, 5.5, 42, Decimal("0.25"))


def test_counting_again_adds_nothing(alice: User, graph: Graph) -> None:
    ran(graph)
    for _ in range(3):
        counted()
    assert DailyUsage.objects.get().runs == 1


def test_later_runs_are_added_to_their_day(alice: User, graph: Graph) -> None:
    ran(graph, minutes_ago=20)
    counted()
    Mark.objects.update(until=timezone.now() - timedelta(minutes=10))
    ran(graph, minutes_ago=5)
    counted()
    assert sum(DailyUsage.objects.values_list("runs", flat=True)) == 2


def test_what_a_block_says_of_its_usage_may_be_anything(alice: User, graph: Graph) -> None:
    ran(graph, usage={"tokens": "many", "input_tokens": -5, "output_tokens": None})
    counted()
    assert figures(alice)[2] == 0


def test_waits_and_kept_results_are_no_work(alice: User, graph: Graph) -> None:
    waited = ran(graph)
    NodeExecution.objects.filter(execution=waited).update(waits={"a": {"for": "approval"}})
    kept = ran(graph)
    NodeExecution.objects.filter(execution=kept).update(reused=True)
    retried = ran(graph)
    NodeExecution.objects.filter(execution=retried).update(waits={"a": {"for": "retry"}})
    assert figures(alice)[:2] == (2, 2.0)
    counted()
    assert figures(alice)[:2] == (2, 2.0)


def test_strangers_see_nothing_and_members_see_the_graph(alice: User, bob: User, graph: Graph) -> None:
    ran(graph, cost="0.25")
    assert figures(bob)[3] == 0
    factories.share(graph, bob, Role.VIEWER)
    assert figures(bob)[3] == Decimal("0.25")


def test_own_runs_of_others_graphs_stay_ones_own(alice: User, bob: User, graph: Graph) -> None:
    ran(graph, cost="0.25", owner=bob)
    assert figures(bob)[3] == Decimal("0.25")


def test_groups(alice: User, graph: Graph) -> None:
    ran(graph, cost="0.25")
    ran(factories.graph(alice, name="Other"))
    rows, has_more = used_by(last_days(alice, 7), "graph")
    assert ([row.group["graph"] for row in rows], has_more) == (["Nightly", "Other"], False)
    assert [row.group["node"] for row in used_by(last_days(alice, 7), "node")[0]] == ["a", "a"]
    assert [row.group["block"] for row in used_by(last_days(alice, 7), "block")[0]] == ["core.value"]
    assert [row.group["owner"] for row in used_by(last_days(alice, 7), "person")[0]] == ["alice"]
    assert used_by(last_days(alice, 7), "graph", most=1)[1] is True


def test_usage_of_a_deleted_graph_stays(alice: User, graph: Graph) -> None:
    ran(graph, cost="0.25")
    counted()
    graph.delete()
    (row,), _ = used_by(last_days(alice, 7), "graph")
    assert (row.group["graph"], row.cost) == (None, Decimal("0.25"))


@pytest.mark.redis
@pytest.mark.parametrize("by", ["graph", "node", "block", "person", "day"])
def test_the_page_shows_every_group(client: Client, alice: User, graph: Graph, by: str) -> None:
    ran(graph, cost="0.25", usage={"tokens": 12_345})
    client.force_login(alice)
    page = client.get(f"/usage/?by={by}").content.decode()
    assert "$0.25" in page
    assert "12.3k" in page


@pytest.mark.redis
def test_an_empty_page_says_what_to_do(client: Client, alice: User) -> None:
    client.force_login(alice)
    assert "Nothing ran in this period" in client.get("/usage/").content.decode()


@pytest.mark.redis
@pytest.mark.parametrize(
    "query", ["by=x", "from=yesterday", "graph=0", "days=9999999", "from=2026-02-01&to=2026-01-01"]
)
def test_questions_that_make_no_sense_are_not_found(client: Client, alice: User, query: str) -> None:
    client.force_login(alice)
    assert client.get(f"/usage/?{query}").status_code == 404


@pytest.mark.redis
def test_the_page_reads_as_much_for_many_graphs(
    client: Client, alice: User, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(12):
        ran(factories.graph(alice, name=f"G{number}"))
    client.force_login(alice)
    with django_assert_max_num_queries(24):
        client.get("/usage/?by=node")


def test_the_export_has_all_and_nothing_that_a_spreadsheet_computes(alice: User) -> None:
    ran(factories.graph(alice, name='=HYPERLINK("http://evil")'), cost="0.25")

    async def text() -> str:
        return "".join([part async for part in csv_of(last_days(alice, 3))])

    head, row = csv.reader(StringIO(async_to_sync(text)()))
    found = dict(zip(head, row, strict=True))
    assert found["graph"] == '\'=HYPERLINK("http://evil")'
    assert (found["runs"], found["cost in USD"], found["person"]) == ("1", "0.250000", "alice")


@pytest.mark.parametrize("text", ["=1", "+1", "-1", "@a", "\t=1", "\r=1"])
def test_formulas_are_escaped(text: str) -> None:
    assert harmless(text) == f"'{text}"
    assert harmless(f"a{text}") == f"a{text}"


@pytest.fixture
def api(alice: User) -> APIClient:
    client = APIClient()
    client.force_authenticate(alice)
    return client


def test_api_gives_sums_and_groups(api: APIClient, graph: Graph) -> None:
    ran(graph, cost="0.25")
    answer = api.get("/api/v1/usage/?by=node&days=7").json()
    assert answer["total"]["cost"] == "0.250000"
    assert answer["rows"][0]["graph"] == {"id": graph.pk, "name": "Nightly"}
    assert api.get("/api/v1/usage/?by=planet").status_code == 400
    assert api.get("/api/v1/usage/?from=2020-01-01").status_code == 400


def test_api_sets_budgets_of_own_graphs_only(api: APIClient, graph: Graph, bob: User) -> None:
    body = {"graph": graph.pk, "span": "day", "limit": "2.5"}
    answer = api.post("/api/v1/budgets/", body)
    assert (answer.status_code, answer.json()["limit"], answer.json()["state"]) == (200, "2.500000", "good")
    assert api.post("/api/v1/budgets/", body | {"limit": "3"}).json()["id"] == answer.json()["id"]
    assert [row["limit"] for row in api.get("/api/v1/budgets/").json()] == ["3.000000"]
    others = factories.graph(bob)
    assert api.post("/api/v1/budgets/", body | {"graph": others.pk}).status_code == 404
    budget = Budget.objects.create(graph=others, limit=1)
    assert api.delete(f"/api/v1/budgets/{budget.pk}/").status_code == 404
    assert api.delete(f"/api/v1/budgets/{answer.json()['id']}/").status_code == 204


def test_a_viewer_sees_a_budget_and_may_not_change_it(api: APIClient, alice: User, bob: User) -> None:
    others = factories.graph(bob)
    factories.share(others, alice, Role.EDITOR)
    budget = Budget.objects.create(graph=others, limit=1)
    assert len(api.get("/api/v1/budgets/").json()) == 1
    assert api.post("/api/v1/budgets/", {"graph": others.pk, "span": "day", "limit": 2}).status_code == 403
    assert api.delete(f"/api/v1/budgets/{budget.pk}/").status_code == 404


@pytest.mark.redis
def test_budgets_are_set_and_removed_on_the_page(client: Client, alice: User, graph: Graph) -> None:
    client.force_login(alice)
    form = {"graph": graph.pk, "span": "month", "limit": "5", "warn_at": "80", "stops": "on"}
    page = client.post("/usage/budgets/", form, follow=True).content.decode()
    assert "$5.00" in page
    budget = Budget.objects.get()
    assert (budget.stops, budget.limit) == (True, Decimal(5))
    client.post(f"/usage/budgets/{budget.pk}/remove/")
    assert not Budget.objects.exists()


def test_midnight_is_that_of_utc(alice: User, graph: Graph) -> None:
    end = datetime(2026, 3, 1, 0, 0, 1, tzinfo=UTC)
    execution = recorded.execution(graph, status=Status.COMPLETED, ended_at=end)
    times = {"started_at": end - timedelta(seconds=2), "ended_at": end}
    recorded.record(execution, "a", status=Status.COMPLETED, **times)
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL TIME ZONE 'America/New_York'")
    counted()
    assert DailyUsage.objects.get().day == end.date()
