"""Edits of drafts in a real database."""

from collections.abc import Callable
from secrets import token_hex
from threading import Barrier, Thread
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings

from agentflow.graphs import editing, live
from agentflow.graphs.drafts import draft_spec
from agentflow.graphs.editing import EditConflict, RevisionConflict, apply_edit, replace_draft
from agentflow.graphs.live import edits_since
from agentflow.graphs.models import Graph, GraphEdit, Link
from agentflow.graphs.services import create_graph
from agentflow.graphs.spec import GraphSpec, SpecError
from tests import factories
from tests.graphs.strategies import specs


def title(key: str, text: str) -> list[Any]:
    return [{"op": "set_title", "key": key, "title": text}]


def config(key: str, name: str, value: Any) -> list[Any]:
    return [{"op": "set_config", "key": key, "name": name, "value": value}]


def link(source: str, sink: str) -> dict[str, str]:
    return {"source": source, "source_port": "value", "sink": sink, "sink_port": "value"}


def test_an_edit_raises_the_revision_and_is_kept(alice: User) -> None:
    graph = factories.graph(alice, "a -> b")
    edit = apply_edit(graph, title("a", "First"), author=alice)
    graph.refresh_from_db()
    assert (edit.revision, graph.revision, graph.nodes.get(key="a").title) == (1, 1, "First")
    assert edit.operations == title("a", "First")


def test_a_refused_edit_leaves_nothing(alice: User) -> None:
    graph = factories.graph(alice, "a -> b")
    with pytest.raises(SpecError) as caught:
        apply_edit(graph, [*title("a", "First"), {"op": "remove_node", "key": "b"}, *title("b", "x")], author=alice)
    graph.refresh_from_db()
    assert caught.value.problems[0]["pointer"] == "#/operations/2/key"
    assert (graph.revision, graph.links.count(), graph.nodes.get(key="a").title) == (0, 1, "")
    assert not GraphEdit.objects.exists()


@pytest.mark.parametrize("operations", [None, [], {}, "abc", [{}] * 10_001])
def test_none_or_too_many_operations_are_refused(alice: User, operations: object) -> None:
    with pytest.raises(SpecError):
        apply_edit(factories.graph(alice), operations, author=alice)


def test_the_same_edit_again_gives_the_first_answer(alice: User) -> None:
    graph = factories.graph(alice, "a")
    edit_id = uuid4()
    first = apply_edit(graph, title("a", "First"), author=alice, edit_id=edit_id)
    apply_edit(graph, title("a", "Second"), author=alice)
    again = apply_edit(graph, title("a", "First"), author=alice, edit_id=edit_id)
    assert again == first
    assert graph.nodes.get(key="a").title == "Second"


def test_an_edit_id_cannot_be_used_for_something_else(alice: User) -> None:
    graph = factories.graph(alice, "a")
    edit_id = uuid4()
    apply_edit(graph, title("a", "First"), author=alice, edit_id=edit_id)
    with pytest.raises(EditConflict):
        apply_edit(graph, title("a", "Second"), author=alice, edit_id=edit_id)


def test_true_sent_with_the_id_of_one_is_not_taken_for_the_same(alice: User) -> None:
    graph = factories.graph(alice, "a")
    edit_id = uuid4()
    apply_edit(graph, config("a", "value", 1), author=alice, edit_id=edit_id)
    with pytest.raises(EditConflict, match="id of their own"):
        apply_edit(graph, config("a", "value", True), author=alice, edit_id=edit_id)


def test_a_node_that_is_replaced_loses_its_links_but_not_its_row(alice: User) -> None:
    graph = factories.graph(alice, "a -> b -> c")
    row = graph.nodes.get(key="b").pk
    operations = [
        {"op": "remove_node", "key": "b"},
        {"op": "add_node", "node": {"key": "b", "block": "core.log"}, "at": [1, 2]},
        {"op": "add_link", "link": link("b", "c")},
    ]
    apply_edit(graph, operations, author=alice)
    node = graph.nodes.get(key="b")
    assert (node.pk, node.block, node.x, node.y) == (row, "core.log", 1, 2)
    assert [(found.source.key, found.sink.key) for found in graph.links.all()] == [("b", "c")]


def test_links_keep_the_order_in_which_they_were_drawn(alice: User) -> None:
    graph = factories.graph(alice, "a -> c; b -> c")
    operations = [{"op": "remove_link", "link": link("a", "c")}, {"op": "add_link", "link": link("a", "c")}]
    apply_edit(graph, operations, author=alice)
    assert [found.source for found in draft_spec(graph).links] == ["b", "a"]


def test_data_are_pinned_and_taken_off(alice: User) -> None:
    graph = factories.graph(alice, "a")
    apply_edit(graph, [{"op": "set_pinned", "key": "a", "pinned": {"value": None}}], author=alice)
    assert draft_spec(graph).nodes[0].pinned == {"value": None}
    apply_edit(graph, [{"op": "set_pinned", "key": "a", "pinned": None}], author=alice)
    assert graph.nodes.filter(pinned__isnull=True).count() == 1


def test_one_and_true_are_different_values(alice: User) -> None:
    graph = factories.graph(alice, "a")
    apply_edit(graph, config("a", "value", 1), author=alice)
    apply_edit(graph, config("a", "value", True), author=alice)
    assert graph.nodes.get().config["value"] is True


def test_graph_fields_are_edited_too(alice: User) -> None:
    graph = factories.graph(alice)
    fields = {"name": "New", "description": "d", "limits": {"laps": 7}, "annotations": [{"kind": "note"}]}
    apply_edit(graph, [{"op": "set_graph", "name": n, "value": v} for n, v in fields.items()], author=alice)
    graph.refresh_from_db()
    assert {name: getattr(graph, name) for name in fields} == fields


def test_an_added_node_is_written_for_todays_block(alice: User) -> None:
    graph = factories.graph(alice)
    edit = apply_edit(graph, [{"op": "add_node", "node": {"key": "n", "block": "core.value"}}], author=alice)
    assert edit.operations[0]["node"]["block_version"] == graph.nodes.get().block_version


def test_an_edit_costs_the_same_in_a_large_graph(alice: User) -> None:
    def queries(graph: Graph) -> int:
        operations = [{"op": "add_node", "node": {"key": "n", "block": "core.log"}}]
        operations.append({"op": "add_link", "link": link("k1", "n")})
        with CaptureQueriesContext(
            connection,
        ) as captured:
            apply_edit(graph, operations, author=alice)
        return len(captured)

    small, large = (factories.graph(alice, " -> ".join(f"k{i}" for i in range(size))) for size in (2, 60))
    assert queries(small) == queries(large)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(specs(), specs())
def test_a_replaced_draft_is_the_new_graph(alice: User, old: GraphSpec, new: GraphSpec) -> None:
    graph = create_graph(owner=alice, spec=old)
    replace_draft(graph, new, author=alice)
    graph.refresh_from_db()
    assert draft_spec(graph) == new


def test_replacing_by_the_same_is_no_edit(alice: User) -> None:
    graph = factories.graph(alice, "a -> b")
    assert replace_draft(graph, draft_spec(graph), author=alice) is None


def test_replacing_a_draft_that_moved_on_is_refused(alice: User) -> None:
    graph = factories.graph(alice, "a -> b")
    apply_edit(graph, title("a", "x"), author=alice)
    with pytest.raises(RevisionConflict):
        replace_draft(graph, GraphSpec(name="n"), author=alice, revision=0)


def test_the_doorbell_rings_after_the_commit(
    alice: User, monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Any
) -> None:
    rung: list[str] = []
    monkeypatch.setattr(editing, "ring", lambda channel, *messages: rung.extend(messages))
    graph = factories.graph(alice, "a")
    with django_capture_on_commit_callbacks(execute=True):
        apply_edit(graph, title("a", "x"), author=alice)
        assert rung == []
    assert rung == [f"g:{graph.pk}:1"]


def at_once(*calls: Callable[[], object]) -> None:
    """Carry out the calls in threads that start together."""
    start = Barrier(len(calls))

    def run(call: Callable[[], object]) -> None:
        start.wait()
        try:
            call()
        finally:
            connection.close()

    threads = [Thread(target=run, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@pytest.mark.django_db(transaction=True)
def test_two_people_who_edit_different_fields_both_win(alice: User, bob: User) -> None:
    graph = factories.graph(alice, "a")

    def edits(author: User, name: str) -> Callable[[], object]:
        return lambda: [apply_edit(graph, config("a", name, n), author=author) for n in range(20)]

    at_once(edits(alice, "x"), edits(bob, "y"))
    graph.refresh_from_db()
    assert graph.nodes.get().config == {"x": 19, "y": 19}
    assert list(graph.edits.order_by("revision").values_list("revision", flat=True)) == list(range(1, 41))


@pytest.mark.django_db(transaction=True)
def test_the_later_of_two_edits_of_one_field_wins(alice: User, bob: User) -> None:
    graph = factories.graph(alice, "a")
    at_once(
        lambda: apply_edit(graph, title("a", "Alice's"), author=alice),
        lambda: apply_edit(graph, title("a", "Bob's"), author=bob),
    )
    last = graph.edits.get(revision=2)
    assert graph.nodes.get().title == last.operations[0]["title"]


@pytest.mark.django_db(transaction=True)
def test_an_edit_that_is_sent_twice_at_once_is_applied_once(alice: User) -> None:
    graph = factories.graph(alice, "a")
    edit_id = uuid4()
    at_once(*[lambda: apply_edit(graph, title("a", "x"), author=alice, edit_id=edit_id)] * 3)
    assert graph.edits.count() == 1


@pytest.mark.django_db(transaction=True)
def test_one_removes_a_node_while_another_links_to_it(alice: User, bob: User) -> None:
    graph = factories.graph(alice, "a; b")

    def draw() -> None:
        try:
            apply_edit(graph, [{"op": "add_link", "link": link("a", "b")}], author=bob)
        except SpecError as error:
            assert error.problems[0]["pointer"] == "#/operations/0/link/sink"

    at_once(draw, lambda: apply_edit(graph, [{"op": "remove_node", "key": "b"}], author=alice))
    assert not Link.objects.exists()


def test_large_edits_are_told_a_few_at_a_time(alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    graph = factories.graph(alice, "a")
    for number in range(6):
        apply_edit(graph, config("a", "value", token_hex(200 if number < 4 else 2_000)), author=alice)
    monkeypatch.setattr(live, "MOST_EDIT_BYTES", 1_000)
    told = [[row["revision"] for row in edits_since(graph.pk, revision)] for revision in (0, 3, 4, 5, 6)]
    assert told == [[1, 2, 3], [4, 5], [5], [6], []]
