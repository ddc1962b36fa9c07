"""Operations in memory: applied one by one, and found between two graphs."""

from typing import Any

import pytest
from hypothesis import given

from agentflow.graphs.difference import difference
from agentflow.graphs.operations import OPERATIONS, Draft, Named, apply
from agentflow.graphs.spec import GraphSpec, LinkSpec, NodeSpec, OnError, SpecError
from tests.graphs.strategies import specs

LINK = {"source": "a", "source_port": "p", "sink": "b", "sink_port": "q"}


def draft_of(spec: GraphSpec) -> Draft:
    return Draft(
        name=spec.name,
        description=spec.description,
        nodes={node.key: node for node in spec.nodes},
        links=dict.fromkeys(spec.links),
        layout=dict(spec.layout),
        annotations=spec.annotations,
        limits=spec.limits,
    )


def two_nodes() -> Draft:
    nodes = (NodeSpec("a", "core.value", {"value": 1}), NodeSpec("b", "core.log"))
    return draft_of(GraphSpec(nodes=nodes, links=(LinkSpec("a", "p", "b", "q"),), layout={"a": (0, 0), "b": (1, 1)}))


def problem_of(draft: Draft, *operations: Any) -> dict[str, str]:
    with pytest.raises(SpecError) as caught:
        apply(draft, list(operations))
    return caught.value.problems[0]


@given(specs(), specs())
def test_the_difference_turns_one_graph_into_the_other(old: GraphSpec, new: GraphSpec) -> None:
    draft = draft_of(old)
    apply(draft, difference(old, new))
    assert {node.key: node for node in new.nodes} == draft.nodes
    assert (list(draft.links), draft.layout) == (list(new.links), new.layout)
    assert (draft.name, draft.description, draft.limits) == (new.name, new.description, new.limits)
    assert list(draft.annotations) == list(new.annotations)


@given(specs())
def test_equal_graphs_do_not_differ(spec: GraphSpec) -> None:
    assert difference(spec, spec) == []


@given(specs(), specs())
def test_an_edit_names_every_row_that_it_touches(old: GraphSpec, new: GraphSpec) -> None:
    operations = difference(old, new)
    draft = draft_of(old)
    apply(draft, operations)
    named = Named.by(operations)
    touched = {key for key in draft.nodes if draft.nodes[key] not in old.nodes}
    assert touched | (set(old.layout) - draft.nodes.keys()) <= named.keys


def test_a_node_is_added_at_its_place() -> None:
    draft = two_nodes()
    apply(draft, [{"op": "add_node", "node": {"key": "c", "block": "core.log"}, "at": [5, 6]}])
    assert (draft.nodes["c"], draft.layout["c"]) == (NodeSpec("c", "core.log"), (5, 6))


def test_adding_the_same_node_again_moves_nothing() -> None:
    draft = two_nodes()
    apply(draft, [{"op": "add_node", "node": {"key": "b", "block": "core.log"}, "at": [5, 6]}])
    assert draft.layout["b"] == (1, 1)


def test_another_node_of_the_same_key_is_refused() -> None:
    problem = problem_of(two_nodes(), {"op": "add_node", "node": {"key": "b", "block": "core.value"}})
    assert problem["pointer"] == "#/operations/0/node/key"


def test_a_removed_node_takes_its_links_along() -> None:
    draft = two_nodes()
    apply(draft, [{"op": "remove_node", "key": "a"}])
    assert (list(draft.nodes), list(draft.links)) == (["b"], [])


def test_removing_what_is_not_there_is_no_error() -> None:
    draft = two_nodes()
    apply(draft, [{"op": "remove_node", "key": "z"}, {"op": "remove_link", "link": {**LINK, "sink_port": "z"}}])
    assert len(draft.nodes) == 2


def test_the_same_link_again_keeps_its_place() -> None:
    draft = two_nodes()
    apply(draft, [{"op": "add_link", "link": LINK}])
    assert (list(draft.drawn), draft.dropped) == ([], set())


def test_a_link_that_is_removed_and_drawn_again_comes_last() -> None:
    draft = two_nodes()
    second = {**LINK, "sink_port": "r"}
    apply(
        draft,
        [{"op": "add_link", "link": second}, {"op": "remove_link", "link": LINK}, {"op": "add_link", "link": LINK}],
    )
    assert [link.sink_port for link in draft.links] == ["r", "q"]


def test_config_is_set_and_unset_by_name() -> None:
    draft = two_nodes()
    apply(draft, [{"op": "set_config", "key": "a", "name": "x", "value": None}])
    apply(draft, [{"op": "unset_config", "key": "a", "name": "value"}])
    assert draft.nodes["a"].config == {"x": None}


def test_data_are_pinned_and_taken_off() -> None:
    draft = two_nodes()
    apply(draft, [{"op": "set_pinned", "key": "a", "pinned": {"value": [1]}}])
    assert draft.nodes["a"].pinned == {"value": [1]}
    apply(draft, [{"op": "set_pinned", "key": "a", "pinned": None}])
    assert draft.nodes["a"].pinned is None


def test_policy_is_set_by_field() -> None:
    draft = two_nodes()
    apply(draft, [{"op": "set_policy", "key": "a", "name": "on_error", "value": "continue"}])
    apply(draft, [{"op": "set_policy", "key": "a", "name": "retries", "value": 3}])
    assert (draft.nodes["a"].policy.on_error, draft.nodes["a"].policy.retries) == (OnError.CONTINUE, 3)


@pytest.mark.parametrize("operation", sorted(OPERATIONS))
def test_an_operation_without_its_members_is_refused(operation: str) -> None:
    assert problem_of(two_nodes(), {"op": operation})["pointer"].startswith("#/operations/0/")


@pytest.mark.parametrize(
    ("operation", "pointer"),
    [
        (None, "#/operations/1"),
        ({"op": "explode"}, "#/operations/1/op"),
        ({"op": []}, "#/operations/1/op"),
        ({"op": "set_title", "key": "z", "title": "T"}, "#/operations/1/key"),
        ({"op": "set_title", "key": "a", "title": 5}, "#/operations/1/title"),
        ({"op": "set_title", "key": "a", "title": "T", "more": 1}, "#/operations/1/more"),
        ({"op": "set_config", "key": "a", "name": "x", "value": {"y": "\0"}}, "#/operations/1/value/y"),
        ({"op": "set_config", "key": "a", "name": "", "value": 1}, "#/operations/1/name"),
        ({"op": "set_policy", "key": "a", "name": "retries", "value": "3"}, "#/operations/1/value"),
        ({"op": "set_policy", "key": "a", "name": "colour", "value": 3}, "#/operations/1/name"),
        ({"op": "set_join", "key": "a", "join": "glue"}, "#/operations/1/join"),
        ({"op": "set_pinned", "key": "a", "pinned": [1]}, "#/operations/1/pinned"),
        ({"op": "set_pinned", "key": "a", "pinned": {"value": "\0"}}, "#/operations/1/pinned/value"),
        ({"op": "set_pinned", "key": "z", "pinned": None}, "#/operations/1/key"),
        ({"op": "move", "key": "a", "at": [1, None]}, "#/operations/1/at/1"),
        ({"op": "move", "key": "a", "at": "here"}, "#/operations/1/at"),
        ({"op": "add_link", "link": {**LINK, "sink": "z"}}, "#/operations/1/link/sink"),
        ({"op": "add_link", "link": []}, "#/operations/1/link"),
        ({"op": "add_node", "node": {"key": "c"}}, "#/operations/1/node/block"),
        ({"op": "set_graph", "name": "owner", "value": 1}, "#/operations/1/name"),
        ({"op": "set_graph", "name": "name", "value": " "}, "#/operations/1/value"),
        ({"op": "set_graph", "name": [], "value": 1}, "#/operations/1/name"),
        ({"op": "set_graph", "name": "limits", "value": {"laps": 0}}, "#/operations/1/value/laps"),
        ({"op": "set_graph", "name": "annotations", "value": [1]}, "#/operations/1/value/0"),
    ],
)
def test_a_bad_operation_is_pointed_at(operation: object, pointer: str) -> None:
    good = {"op": "set_title", "key": "a", "title": "A"}
    assert problem_of(two_nodes(), good, operation)["pointer"] == pointer
