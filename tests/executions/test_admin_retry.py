"""Retrying, relations and questions in the admin."""

from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from agentflow.graphs.models import Graph, Node
from agentflow.graphs.services import version_for_run
from executions.approvals import decide
from executions.engine.status import Status
from executions.models import Approval, Execution, NodeExecution
from tests import factories
from tests.executions import recorded
from tests.pages.questions import asked

pytestmark = [pytest.mark.django_db, pytest.mark.redis]

LIST = reverse("admin:executions_execution_changelist")
APPROVALS = reverse("admin:executions_approval_changelist")


@pytest.fixture
def site(client: Client, admin: User) -> Client:
    client.force_login(admin)
    return client


@pytest.fixture
def graph(alice: User) -> Graph:
    made = factories.graph(alice, "ask -> pay", name="Orders")
    Node.objects.filter(graph=made).update(config={"value": 1})
    return made


@pytest.fixture
def run(graph: Graph, alice: User) -> Execution:
    """An execution of the drawn graph that failed."""
    made: Execution = Execution.objects.create(
        graph=graph,
        version=version_for_run(graph, alice),
        owner=alice,
        status=Status.FAILED,
        inputs={},
        ended_at=timezone.now(),
    )
    recorded.record(made, "ask", status=Status.COMPLETED, started_at=timezone.now())
    recorded.record(made, "pay", status=Status.FAILED, started_at=timezone.now(), error={"kind": "lost"})
    return made


@pytest.fixture
def once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The blocks of the graph must happen only once."""
    from blocks.base import Effect
    from blocks.core import Value

    monkeypatch.setattr(Value, "effect", Effect.ONCE)


def change(row: Any) -> str:
    return reverse(f"admin:executions_{row._meta.model_name}_change", args=[row.pk])


def retry_page(run: Execution) -> str:
    return reverse("admin:executions_execution_retry", args=[run.pk])


def text(client: Client, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200
    return answer.content.decode()


def act(client: Client, *runs: Execution) -> str:
    form = {"action": "retry", "_selected_action": [run.pk for run in runs]}
    return client.post(LIST, form, follow=True).content.decode()


def test_action_retries_what_failed_and_leaves_the_rest(site: Client, run: Execution) -> None:
    over = recorded.execution(run.graph, status=Status.COMPLETED)
    assert "Started 1." in act(site, run, over)
    made = Execution.objects.get(retry_of=run)
    assert (made.trigger, made.choice) == ("retry", {"reuse": True})
    assert not Execution.objects.filter(retry_of=over).exists()


def test_action_says_why_a_run_was_not_retried(site: Client, run: Execution, once: None) -> None:
    page = act(site, run)
    assert "Started 0." in page
    assert "must happen only once" in page


def test_page_of_a_run_retries_it(site: Client, run: Execution) -> None:
    assert retry_page(run) in text(site, change(run))
    assert "Orders v1" in text(site, retry_page(run))
    answer = site.post(retry_page(run))
    assert answer["Location"] == change(Execution.objects.get(retry_of=run))


def test_steps_that_must_happen_once_are_asked_for(site: Client, run: Execution, once: None) -> None:
    refused = site.post(retry_page(run)).content.decode()
    assert "must happen only once" in refused
    assert 'name="repeat_once"' in refused
    assert not Execution.objects.filter(retry_of=run).exists()
    site.post(retry_page(run), {"repeat_once": "on"})
    assert Execution.objects.filter(retry_of=run).exists()


def test_a_run_that_goes_well_offers_no_retry(site: Client, run: Execution) -> None:
    fine = recorded.execution(run.graph, status=Status.COMPLETED)
    assert retry_page(fine) not in text(site, change(fine))


def test_staff_who_may_only_look_cannot_retry(client: Client, run: Execution) -> None:
    dora = factories.user("dora", is_staff=True)
    dora.user_permissions.add(Permission.objects.get(codename="view_execution"))
    client.force_login(dora)
    assert retry_page(run) not in text(client, change(run))
    assert (client.get(retry_page(run)).status_code, client.post(retry_page(run)).status_code) == (403, 403)
    act(client, run)
    assert not Execution.objects.filter(retry_of=run).exists()


def test_page_shows_where_a_run_comes_from_and_what_it_started(site: Client, run: Execution) -> None:
    asking = NodeExecution.objects.get(execution=run, node="ask")
    child = recorded.execution(run.graph, status=Status.COMPLETED, parent=run, parent_node=asking.pk, trigger="graph")
    again = recorded.execution(
        run.graph, status=Status.COMPLETED, retry_of=run, choice={"only": ["pay"]}, use_pins=True, batch=child.pk
    )
    recorded.record(again, "ask", reused=True)
    recorded.record(again, "pay", pinned=True)
    page = text(site, change(run))
    for part in (change(child), change(again), "<td>ask</td>"):
        assert part in page
    assert change(run) in text(site, change(child))
    page = text(site, change(again))
    for part in (change(run), "&quot;only&quot;", "1 reused, 1 pinned", change(child)):
        assert part in page


def test_questions_can_be_narrowed_and_read(site: Client, graph: Graph, alice: User) -> None:
    still, done = asked(graph), decide(asked(graph, "pay"), user=alice, decision="approved", payload={"sum": 4})
    ended = asked(graph, closed_at=timezone.now())
    for state, shown in {"open": still, "decided": done, "closed": ended}.items():
        page = text(site, f"{APPROVALS}?state={state}")
        assert [change(row) in page for row in (still, done, ended)] == [row is shown for row in (still, done, ended)]
    page = text(site, change(done))
    for part in ("✓ approved", "Orders, pay", "&quot;sum&quot;: 4", "&quot;sum&quot;: 5", f"/approvals/{done.pk}/"):
        assert part.replace(": ", ":") in page.replace(": ", ":")
    assert change(done) in text(site, change(done.execution))


@pytest.mark.parametrize("term", ["{id}", "rder"])
def test_questions_are_found_by_their_run_or_graph(site: Client, graph: Graph, term: str) -> None:
    approval = asked(graph)
    assert change(approval) in text(site, f"{APPROVALS}?q={term.format(id=approval.execution_id)}")
    assert change(approval) not in text(site, f"{APPROVALS}?q=ffffffffffff")


def test_a_list_of_questions_reads_no_payloads_and_asks_no_more_for_more(site: Client, graph: Graph) -> None:
    asked(graph)
    counts = []
    for _ in range(2):
        with CaptureQueriesContext(connection) as queries:
            text(site, APPROVALS)
        assert not any('"executions_approval"."payload"' in query["sql"] for query in queries)
        counts.append(len(queries))
        for _ in range(5):
            asked(graph)
    assert counts[0] == counts[1]


def test_questions_cannot_be_changed(site: Client, graph: Graph) -> None:
    approval = asked(graph)
    assert site.post(change(approval), {"decision": "approved"}).status_code == 403
    assert Approval.objects.get().decided_at is None


def test_rows_of_a_run_say_what_they_wait_for_and_what_they_took_over(site: Client, run: Execution) -> None:
    recorded.record(run, "old", status=Status.COMPLETED, reused=True)
    recorded.record(run, "fixed", status=Status.COMPLETED, pinned=True)
    recorded.record(
        run, "asks", status=Status.WAITING, waits={"a": {"for": "timer", "done": 1}, "b": {"for": "approval"}}
    )
    page = text(site, change(run))
    for words in ("Completed, reused", "Completed, pinned", "Waiting, for a decision"):
        assert words in page
