"""Graphs in the API."""

from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from agentflow.graphs import services
from agentflow.graphs.api import views
from agentflow.graphs.models import Graph
from tests import factories

GRAPHS = "/api/v1/graphs/"
SPEC = {
    "name": "Chain",
    "nodes": [{"key": "a", "block": "core.value", "config": {"value": 1}}, {"key": "b", "block": "core.value"}],
    "links": [{"source": "a", "source_port": "value", "sink": "b", "sink_port": "value"}],
    "layout": {"a": [1, 2]},
}
TITLE = [{"op": "set_title", "key": "a", "title": "T"}]


def at(graph: Graph | int, tail: str = "") -> str:
    return f"{GRAPHS}{graph if isinstance(graph, int) else graph.pk}/{tail}"


def edit(operations: Any = TITLE, edit_id: Any = None) -> dict[str, Any]:
    return {"edit_id": str(edit_id or uuid4()), "operations": operations}


def test_a_graph_is_made_from_a_name(alice_api: APIClient) -> None:
    answer = alice_api.post(GRAPHS, {"name": "New"})
    assert (answer.status_code, answer.json()["name"], answer.json()["spec"]["nodes"]) == (201, "New", [])
    assert answer["Location"].endswith(f"/api/v1/graphs/{answer.json()['id']}/")
    assert answer["ETag"] == '"0"'


def test_a_graph_is_made_from_a_spec(alice_api: APIClient) -> None:
    graph = alice_api.post(GRAPHS, {"name": "Mine", "spec": SPEC}).json()
    assert (graph["name"], [node["key"] for node in graph["spec"]["nodes"]]) == ("Mine", ["a", "b"])
    assert graph["role"] == "owner"


def test_a_bad_spec_is_pointed_at(alice_api: APIClient) -> None:
    answer = alice_api.post(GRAPHS, {"spec": {"nodes": [{"key": "a"}]}})
    assert (answer.status_code, answer["Content-Type"]) == (422, "application/problem+json")
    assert answer.json()["errors"] == [{"pointer": "#/spec/nodes/0/block", "detail": "Must be text, not null."}]
    assert not Graph.objects.exists()


def test_the_list_has_one_row_a_graph_and_never_a_spec(alice_api: APIClient, alice: User) -> None:
    graph = factories.graph(alice, "a -> b")
    page = alice_api.get(GRAPHS).json()
    assert (page["next"], page["previous"], [row["id"] for row in page["results"]]) == (None, None, [graph.pk])
    assert page["results"][0].keys() == {
        "id", "name", "description", "revision", "created_at", "updated_at", "owner", "role", "published_version",
        "last_execution",
    }  # fmt: skip


def test_the_list_costs_the_same_for_many_graphs(alice_api: APIClient, alice: User) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            alice_api.get(GRAPHS)
        return len(captured)

    factories.graph(alice)
    few = queries()
    for _ in range(9):
        graph = factories.graph(alice)
        graph.executions.create(version=services.version_for_run(graph, alice), owner=alice)
    assert queries() == few


def test_the_list_goes_on_where_the_cursor_says(alice_api: APIClient, alice: User) -> None:
    made = [factories.graph(alice).pk for _ in range(3)]
    first = alice_api.get(GRAPHS, {"page_size": 2}).json()
    second = alice_api.get(first["next"]).json()
    assert [row["id"] for row in first["results"] + second["results"]] == made[::-1]


def test_graphs_are_found_by_a_part_of_their_name(alice_api: APIClient, alice: User) -> None:
    factories.graph(alice, name="Sales report")
    factories.graph(alice, name="Digest")
    assert [row["name"] for row in alice_api.get(GRAPHS, {"name": "sales"}).json()["results"]] == ["Sales report"]


def test_the_last_execution_is_in_the_row(alice_api: APIClient, alice: User) -> None:
    graph = factories.graph(alice, "a")
    run = graph.executions.create(version=services.version_for_run(graph, alice), owner=alice)
    last = alice_api.get(GRAPHS).json()["results"][0]["last_execution"]
    assert (last["id"], last["status"], last["owner"]["name"]) == (str(run.pk), "queued", "alice")
    assert last["created_at"].endswith("Z")


def test_an_edit_answers_what_it_made_of_the_draft(alice_api: APIClient, alice: User) -> None:
    graph = factories.graph(alice, "a -> b")
    answer = alice_api.post(at(graph, "edits/"), edit())
    assert answer.status_code == 200
    assert (answer.json()["revision"], answer.json()["operations"]) == (1, TITLE)
    assert set(answer.json()["ports"]) == {"a"}


def test_the_same_edit_again_gives_the_same_revision(alice_api: APIClient, alice: User) -> None:
    graph = factories.graph(alice, "a")
    body = edit()
    answers = [alice_api.post(at(graph, "edits/"), body).json()["revision"] for _ in range(2)]
    assert answers == [1, 1]


def test_an_edit_id_for_something_else_is_a_conflict(alice_api: APIClient, alice: User) -> None:
    graph = factories.graph(alice, "a")
    body = edit()
    alice_api.post(at(graph, "edits/"), body)
    answer = alice_api.post(at(graph, "edits/"), {**body, "operations": [{"op": "remove_node", "key": "a"}]})
    assert (answer.status_code, answer["Content-Type"]) == (409, "application/problem+json")


def test_a_bad_operation_is_pointed_at(alice_api: APIClient, alice: User) -> None:
    graph = factories.graph(alice, "a")
    answer = alice_api.post(at(graph, "edits/"), edit([*TITLE, {"op": "move", "key": "z", "at": [0, 0]}]))
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "#/operations/1/key")


def test_edits_are_read_since_a_revision(alice_api: APIClient, alice: User) -> None:
    graph = factories.graph(alice, "a")
    for text in "xyz":
        alice_api.post(at(graph, "edits/"), edit([{"op": "set_title", "key": "a", "title": text}]))
    page = alice_api.get(at(graph, "edits/"), {"since": 1}).json()
    assert [(row["revision"], row["operations"][0]["title"]) for row in page["results"]] == [(2, "y"), (3, "z")]
    assert (page["next"], page["results"][0]["author"]) == (None, {"id": alice.pk, "name": "alice"})


@pytest.mark.parametrize("since", ["-1", "x", "1e3", "9" * 30, "²", "\0"])
def test_a_revision_that_is_no_number_is_refused(alice_api: APIClient, alice: User, since: str) -> None:
    assert alice_api.get(at(factories.graph(alice), "edits/"), {"since": since}).status_code == 400


def test_a_draft_is_replaced_by_who_has_seen_it(alice_api: APIClient, alice: User) -> None:
    graph = factories.graph(alice, "a -> c")
    tag = alice_api.get(at(graph))["ETag"]
    answer = alice_api.put(at(graph), {"spec": SPEC}, headers={"If-Match": tag})
    assert (answer.status_code, answer["ETag"]) == (200, '"1"')
    assert [node["key"] for node in answer.json()["spec"]["nodes"]] == ["a", "b"]


@pytest.mark.parametrize("tag", ['"7"', "nonsense", '"-1"', '"' + "9" * 40 + '"'])
def test_a_stale_writer_is_refused(alice_api: APIClient, alice: User, tag: str) -> None:
    graph = factories.graph(alice, "a")
    assert alice_api.put(at(graph), {"spec": SPEC}, headers={"If-Match": tag}).status_code == 412


def test_a_writer_must_say_what_it_has_seen(alice_api: APIClient, alice: User) -> None:
    assert alice_api.put(at(factories.graph(alice)), {"spec": SPEC}).status_code == 428


def test_a_star_replaces_whatever_is_there(alice_api: APIClient, alice: User) -> None:
    graph = factories.graph(alice, "x")
    assert alice_api.put(at(graph), {"spec": SPEC}, headers={"If-Match": "*"}).status_code == 200


def test_a_replaced_draft_without_a_name_keeps_the_old_one(alice_api: APIClient, alice: User) -> None:
    graph = factories.graph(alice, name="Old")
    answer = alice_api.put(at(graph), {"spec": {}}, headers={"If-Match": "*"})
    assert answer.json()["name"] == "Old"


def test_validation_checks_the_draft_or_what_is_sent(alice_api: APIClient, alice: User) -> None:
    graph = factories.graph(alice, "a", block="no.such_block")
    codes = [problem["code"] for problem in alice_api.post(at(graph, "validate/")).json()["problems"]]
    assert codes == ["unknown_block"]
    assert alice_api.post(at(graph, "validate/"), {"spec": {}}).json() == {"problems": []}


def test_versions_are_listed_and_read(alice_api: APIClient, alice: User) -> None:
    graph = factories.graph(alice, "a -> b")
    services.version_for_run(graph, alice)
    row = alice_api.get(at(graph, "versions/")).json()["results"][0]
    version = alice_api.get(at(graph, "versions/1/")).json()
    assert (row["number"], row["author"]["name"]) == (1, "alice")
    assert (version["content_hash"], len(version["spec"]["nodes"])) == (row["content_hash"], 2)


@pytest.mark.parametrize("number", [0, 2, 2**31, 10**30])
def test_a_version_that_is_not_there_is_not_found(alice_api: APIClient, alice: User, number: int) -> None:
    assert alice_api.get(at(factories.graph(alice), f"versions/{number}/")).status_code == 404


def test_a_version_is_published_and_taken_back(alice_api: APIClient, alice: User) -> None:
    graph = services.import_graph(SPEC, owner=alice)
    assert alice_api.post(at(graph, "publish/")).json() == {"published_version": 1}
    assert alice_api.get(at(graph)).json()["published_version"] == 1
    assert alice_api.delete(at(graph, "publish/")).status_code == 204
    assert alice_api.get(at(graph)).json()["published_version"] is None


def test_a_broken_graph_is_not_published(alice_api: APIClient, alice: User) -> None:
    answer = alice_api.post(at(factories.graph(alice, "a", block="no.such_block"), "publish/"))
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "#/nodes/0/block")


def test_an_export_can_be_imported(alice_api: APIClient, alice: User) -> None:
    graph = services.import_graph(SPEC, owner=alice)
    exported = alice_api.get(at(graph, "export/"))
    imported = alice_api.post(f"{GRAPHS}import/", exported.json())
    assert exported["Content-Disposition"] == 'attachment; filename="chain.json"'
    assert (imported.status_code, imported.json()["spec"]) == (201, exported.json())


def test_a_deleted_graph_is_gone(alice_api: APIClient, alice: User) -> None:
    graph = services.import_graph(SPEC, owner=alice)
    services.publish(graph, user=alice)
    assert alice_api.delete(at(graph)).status_code == 204
    assert alice_api.get(at(graph)).status_code == 404


@pytest.mark.parametrize("number", ["0", "99", str(2**63), str(10**30)])
def test_an_id_that_nothing_has_is_not_found(alice_api: APIClient, number: str) -> None:
    answer = alice_api.get(f"{GRAPHS}{number}/")
    assert (answer.status_code, answer["Content-Type"]) == (404, "application/problem+json")


def test_a_graph_that_is_deleted_meanwhile_is_not_found(
    alice_api: APIClient, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    graph = factories.graph(alice, "a")
    monkeypatch.setattr(views, "get_graph", lambda *_: graph)
    Graph.objects.all().delete()
    graph.pk = 1
    assert alice_api.post(at(graph, "edits/"), edit()).status_code == 404
    assert alice_api.get(at(graph)).status_code == 404
