"""Whole graphs: create, import, export, versions, publish, detail."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext

from agentflow.graphs import services
from agentflow.graphs.editing import apply_edit
from agentflow.graphs.models import Graph, GraphVersion
from agentflow.graphs.permissions import graphs_for
from agentflow.graphs.spec import GraphSpec, SpecError
from tests import factories
from tests.graphs.test_editing import at_once, title

MOVE = [{"op": "move", "key": "a", "at": [9, 9]}]


def spec_json(size: int) -> dict[str, Any]:
    return {
        "name": "Chain",
        "nodes": [{"key": f"n{i:04}", "block": "core.value", "config": {"value": 1e20}} for i in range(size)],
        "links": [
            {"source": f"n{i:04}", "source_port": "value", "sink": f"n{i + 1:04}", "sink_port": "value"}
            for i in range(size - 1)
        ],
        "limits": {"laps": 3},
        "annotations": [{"kind": "note", "text": "hi", "at": [0, 0, 9, 9]}],
    }


def test_an_exported_graph_can_be_imported_again(alice: User) -> None:
    exported = services.export_graph(services.import_graph(spec_json(5), owner=alice))
    again = services.export_graph(services.import_graph(exported, owner=alice))
    assert again == exported


def test_a_bad_file_makes_no_graph(alice: User) -> None:
    with pytest.raises(SpecError):
        services.import_graph({"nodes": [{}]}, owner=alice)
    assert not Graph.objects.exists()


def test_a_graph_always_has_a_name(alice: User) -> None:
    assert services.create_graph(owner=alice, spec=GraphSpec()).name == services.UNTITLED


@pytest.mark.parametrize("work", ["create", "draft", "detail", "version"])
def test_a_large_graph_costs_as_many_queries_as_a_small_one(alice: User, work: str) -> None:
    def queries(size: int) -> int:
        spec = GraphSpec.from_json(spec_json(size))
        graph = services.create_graph(owner=alice, spec=spec)
        works = {
            "create": lambda: services.create_graph(owner=alice, spec=spec),
            "draft": lambda: services.draft_spec(graph),
            "detail": lambda: services.graph_detail(graph, alice),
            "version": lambda: services.version_for_run(graph, alice),
        }
        with CaptureQueriesContext(connection) as captured:
            works[work]()
        return len(captured)

    assert queries(3) == queries(300)


def test_the_draft_is_read_in_two_queries(alice: User) -> None:
    graph = services.import_graph(spec_json(3), owner=alice)
    with CaptureQueriesContext(connection) as captured:
        services.draft_spec(graph)
    assert len(captured) == 2


def test_an_unchanged_draft_has_one_version(alice: User) -> None:
    graph = factories.graph(alice, "a -> b")
    first = services.version_for_run(graph, alice)
    assert services.version_for_run(graph, alice) == first
    assert first.number == 1


def test_an_unchanged_draft_is_known_by_its_revision_alone(alice: User) -> None:
    graph = factories.graph(alice, "a -> b")
    services.version_for_run(graph, alice)
    with CaptureQueriesContext(connection) as captured:
        services.version_for_run(graph, alice)
    assert len(captured) == 1


def test_a_moved_node_makes_no_version(alice: User) -> None:
    graph = factories.graph(alice, "a -> b")
    first = services.version_for_run(graph, alice)
    apply_edit(graph, MOVE, author=alice)
    assert services.version_for_run(graph, alice) == first


def test_a_changed_draft_makes_a_version_and_the_old_one_stays(alice: User) -> None:
    graph = factories.graph(alice, "a -> b")
    first = services.version_for_run(graph, alice)
    apply_edit(graph, title("a", "New"), author=alice)
    second = services.version_for_run(graph, alice)
    first.refresh_from_db()
    assert (second.number, second.spec["nodes"][0]["title"], first.spec["nodes"][0]["title"]) == (2, "New", "")


@pytest.mark.django_db(transaction=True)
def test_runs_that_start_at_once_share_one_version(alice: User) -> None:
    graph = factories.graph(alice, "a -> b")
    at_once(*[lambda: services.version_for_run(graph, alice)] * 4)
    assert GraphVersion.objects.count() == 1


def test_publishing_without_a_number_takes_the_draft(alice: User) -> None:
    graph = services.import_graph({"nodes": [{"key": "a", "block": "core.value", "config": {"value": 1}}]}, owner=alice)
    version = services.publish(graph, user=alice)
    graph.refresh_from_db()
    assert (graph.published, version.number) == (version, 1)


def test_a_graph_that_could_not_start_is_not_published(alice: User) -> None:
    graph = factories.graph(alice, "a", block="no.such_block")
    with pytest.raises(services.NotPublishable):
        services.publish(graph, user=alice)


def test_detail_tells_problems_ports_and_role(alice: User, bob: User) -> None:
    graph = factories.graph(alice, "a")
    factories.share(graph, bob)
    detail = services.graph_detail(graph, bob)
    assert (detail["role"], detail["latest_version"], detail["last_execution"]) == ("viewer", None, None)
    assert [port["name"] for port in detail["ports"]["a"]["outputs"]] == ["value"]
    assert detail["spec"]["nodes"][0]["key"] == "a"


def test_a_list_knows_each_last_execution_in_one_query(alice: User) -> None:
    graph, other = factories.graph(alice, "a"), factories.graph(alice)
    version = services.version_for_run(graph, alice)
    graph.executions.create(version=version, owner=alice)
    newest = graph.executions.create(version=version, owner=alice)
    with CaptureQueriesContext(connection) as captured:
        found = {g.pk: g for g in services.with_last_execution(graphs_for(alice))}
    last = found[graph.pk].last_execution  # type: ignore[attr-defined]  # annotated
    assert (last.id, last.status, last.owner.get_username(), last.version) == (newest.pk, "queued", "alice", 1)
    assert found[other.pk].last_execution is None  # type: ignore[attr-defined]  # annotated
    assert len(captured) == 1


def test_a_graph_takes_its_executions_along(alice: User) -> None:
    graph, other = factories.graph(alice, "a"), factories.graph(alice, "a")
    parent = graph.executions.create(version=services.version_for_run(graph, alice), owner=alice)
    child = other.executions.create(version=services.version_for_run(other, alice), owner=alice, parent=parent)
    services.delete_graph(graph, by=alice)
    child.refresh_from_db()
    assert (list(Graph.objects.all()), child.parent) == ([other], None)
