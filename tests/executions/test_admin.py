"""Executions in the admin: useful, read-only, and quick with 100,000 of them."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from agentflow.graphs.models import Graph
from executions.engine.status import Status
from executions.ids import node_execution_id
from executions.models import Blob, Execution, NodeExecution, NodeJob, Worker
from tests import factories
from tests.executions import recorded

pytestmark = [pytest.mark.django_db, pytest.mark.redis]

LIST = reverse("admin:executions_execution_changelist")
PAYLOADS = ("inputs", "outputs", "events", "arrivals", "log", "spec", "payload", "result")
#: Session, user and rows; one more for the estimate of a whole table's size.
MOST_QUERIES = 6


@pytest.fixture
def site(client: Client, admin: User) -> Client:
    client.force_login(admin)
    return client


@pytest.fixture
def graph(alice: User) -> Graph:
    return factories.graph(alice, name="Digest")


@pytest.fixture
def run(graph: Graph) -> Execution:
    return recorded.execution(graph)


def change(row: Any) -> str:
    return reverse(f"admin:executions_{row._meta.model_name}_change", args=[row.pk])


@pytest.fixture
def many(graph: Graph) -> None:
    """100,000 executions: copies of one, a third of them failed, half of them started by the API."""
    first = recorded.execution(graph, status=Status.COMPLETED, inputs={"big": 1}, outputs={"big": 2})
    changed = {
        "id": "(lpad(to_hex(1700000000000 + n), 12, '0') || '7' || lpad(to_hex(n), 19, '0'))::uuid",
        "status": "CASE WHEN n % 3 = 0 THEN 'failed' ELSE 'completed' END",
        "trigger": "CASE WHEN n % 2 = 0 THEN 'api' ELSE 'manual' END",
    }
    columns = [str(field.column) for field in Execution._meta.concrete_fields]
    values = ", ".join(changed.get(column, column) for column in columns)
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO executions_execution ({', '.join(columns)}) "  # noqa: S608  our own names
            f"SELECT {values} FROM executions_execution, generate_series(1, 100000) n"
        )
        first.delete()
        cursor.execute("ANALYZE executions_execution")


def looked_at(client: Client, address: str) -> tuple[str, list[str]]:
    """The page and what it asked the database about executions."""
    with CaptureQueriesContext(connection) as queries:
        answer = client.get(address)
    assert answer.status_code == 200
    return answer.content.decode(), [query["sql"] for query in queries]


def test_lists_of_100_000_neither_count_nor_read_payloads(site: Client, many: None) -> None:
    for query, expected in {
        "": "about 100,000 executions",
        "?p=3": "about 100,000 executions",
        "?p=2000": "about 100,000 executions",
        "?status=failed": "more than 2,000 executions",
        "?status=active": "0 executions",
        "?trigger=api": "more than 2,000 executions",
        "?created=week": "0 executions",
        "?status=failed&trigger=api": "more than 2,000 executions",
        "?q=Digest": "more than 2,000 executions",
        "?q=nothing-like-it": "0 executions",
        "?q=018bcfe568017": "1 execution",
    }.items():
        page, queries = looked_at(site, f"{LIST}{query}")
        assert expected in page, query
        assert len(queries) <= MOST_QUERIES, queries
        assert not any("COUNT(" in sql.upper() for sql in queries)
        assert not any(f'"{name}"' in sql for sql in queries for name in PAYLOADS)


def test_list_shows_state_graph_version_owner_and_duration(site: Client, graph: Graph) -> None:
    recorded.execution(graph, status=Status.COMPLETED, counts={"handled": 2})
    page, _ = looked_at(site, LIST)
    for part in ("✓ Completed<", "! 2 handled<", "Digest v1", "alice", "manual", reverse("django_rq:home")):
        assert part in page


def test_search_finds_the_start_of_an_id_and_parts_of_names(site: Client, graph: Graph, run: Execution) -> None:
    for term in (f"{run.pk}"[:14], run.pk.hex, "iges"):
        assert f"{run.pk}"[:13] in looked_at(site, f"{LIST}?q={term}")[0]
    assert f"{run.pk}"[:13] not in looked_at(site, f"{LIST}?q=ffffffff")[0]


def test_nothing_can_be_added_changed_or_deleted(site: Client, run: Execution) -> None:
    assert site.get(reverse("admin:executions_execution_add")).status_code == 403
    assert site.post(change(run), {"status": "failed"}).status_code == 403
    assert site.post(reverse("admin:executions_execution_delete", args=[run.pk])).status_code == 403


def test_detail_shows_values_cut_by_the_database(site: Client, graph: Graph) -> None:
    run = recorded.execution(
        graph,
        status=Status.FAILED,
        reason="node",
        error={"title": "It broke", "detail": "so it did"},
        inputs={"text": "x" * 50_000},
        outputs={"said": "y"},
        events=[{"at": "2026-01-01T00:00:00Z", "kind": "resumed", "text": "Resumed on w1", "seq": 1}],
    )
    page, queries = looked_at(site, change(run))
    assert page.count("x" * 9_000) == 1
    assert len(page) < 60_000
    assert not any('"executions_execution"."inputs",' in sql for sql in queries)
    for part in ("It broke", "Resumed on w1", "&quot;y&quot;", reverse("execution", args=[run.pk])):
        assert part in page


def test_detail_of_what_is_not_there_goes_back(site: Client) -> None:
    for key in ("nonsense", "00000000-0000-7000-8000-000000000000"):
        assert site.get(reverse("admin:executions_execution_change", args=[key])).status_code == 302


def test_node_executions_come_in_pages_without_payloads(site: Client, run: Execution) -> None:
    recorded.record(run, *(f"node-{number:03}" for number in range(120)))
    first, queries = looked_at(site, change(run))
    assert ("node-049" in first, "node-050" in first, "?nodes=2" in first) == (True, False, True)
    assert not any('"executions_nodeexecution"."log"' in sql for sql in queries)
    last, _ = looked_at(site, f"{change(run)}?nodes=3")
    assert ("node-119" in last, "?nodes=2" in last, "?nodes=4" in last) == (True, True, False)


def test_detail_takes_as_many_queries_for_one_as_for_fifty_nodes(site: Client, run: Execution) -> None:
    recorded.record(run, "a")
    one = looked_at(site, change(run))[1]
    recorded.record(run, *(f"n{number}" for number in range(49)))
    assert len(looked_at(site, change(run))[1]) == len(one)


def act(client: Client, action: str, *runs: Execution) -> Any:
    return client.post(LIST, {"action": action, "_selected_action": [run.pk for run in runs]}, follow=True)


def test_cancel_action_asks_those_that_are_not_over(site: Client, graph: Graph, run: Execution) -> None:
    over = recorded.execution(graph, status=Status.COMPLETED)
    answer = act(site, "cancel", run, over)
    run.refresh_from_db()
    over.refresh_from_db()
    assert (run.cancel_requested_at is not None, over.cancel_requested_at) == (True, None)
    assert "Cancelling 1." in answer.content.decode()


def test_run_again_action_starts_the_same(site: Client, graph: Graph) -> None:
    run = recorded.execution(graph, status=Status.COMPLETED, inputs={"a": 1})
    act(site, "run_again", run)
    made = Execution.objects.exclude(pk=run.pk).get()
    assert (made.version_id, made.inputs) == (run.version_id, {"a": 1})


def test_staff_who_may_only_look_have_no_actions(client: Client, graph: Graph, run: Execution) -> None:
    dora = factories.user("dora", is_staff=True)
    dora.user_permissions.add(Permission.objects.get(codename="view_execution"))
    client.force_login(dora)
    assert "Cancel the selected" not in looked_at(client, LIST)[0]
    act(client, "cancel", run)
    run.refresh_from_db()
    assert run.cancel_requested_at is None


def test_node_execution_shows_its_outputs_only_when_asked(site: Client, run: Execution) -> None:
    recorded.record(run, "a", status=Status.FAILED, error={"message": "no"}, log=[[0.1, "info", "<b>line</b>"]])
    recorded.emit(run, "a", "value", {"big": "z" * 5_000})
    node = NodeExecution.objects.get()
    page, queries = looked_at(site, change(node))
    assert not any("executions_output" in sql for sql in queries)
    assert "&lt;b&gt;line" in page
    outputs, _ = looked_at(site, reverse("admin:executions_nodeexecution_outputs", args=[node.pk]))
    assert 1_000 < outputs.count("z") < 3_000


def test_node_executions_are_found_by_their_executions_id(site: Client, run: Execution) -> None:
    recorded.record(run, "a")
    address = reverse("admin:executions_nodeexecution_changelist")
    link = change(NodeExecution(pk=node_execution_id(run.pk, "a", (), 0)))
    assert link in looked_at(site, f"{address}?q={run.pk}")[0]
    assert link not in looked_at(site, f"{address}?q=ffffffffffff")[0]


def test_workers_show_whether_their_lease_is_alive(site: Client, db: None) -> None:
    now = timezone.now()
    least: dict[str, Any] = {"host": "h", "process_id": 1, "queue": "default", "capacity": 5, "version": "1"}
    Worker.objects.create(name="w1", expires_at=now + timedelta(seconds=60), **least)
    Worker.objects.create(name="w2", expires_at=now - timedelta(seconds=60), **least)
    Worker.objects.create(name="w3", expires_at=now, stopped_at=now, **least)
    page, _ = looked_at(site, reverse("admin:executions_worker_changelist"))
    assert all(word in page for word in ("● live", "✕ expired", "○ stopped"))
    assert "● live" in looked_at(site, change(Worker.objects.get(name="w1")))[0]


def test_other_records_can_be_looked_at(site: Client, run: Execution) -> None:
    blob = Blob.objects.create(sha256="a" * 64, size=5, storage_name="a")
    job = NodeJob.objects.create(node_execution_id=run.pk, execution=run, payload={"secret": 1})
    for row in (blob, job):
        listed, queries = looked_at(site, reverse(f"admin:executions_{row._meta.model_name}_changelist"))
        assert not any(f'"{name}"' in sql for sql in queries for name in PAYLOADS)
        assert change(row) in listed
        looked_at(site, change(row))
