"""Canonical JSON in and out."""

from copy import deepcopy
from dataclasses import replace
from typing import Any

import orjson
import pytest
from hypothesis import given

from agentflow.graphs.spec import GraphSpec, LinkSpec, NodeSpec, Policy, SpecError, content_hash, to_json
from tests.graphs.strategies import specs

SMALL: dict[str, Any] = {
    "name": "Digest",
    "nodes": [{"key": "a", "block": "core.value", "config": {"value": 1}}, {"key": "b", "block": "core.log"}],
    "links": [{"source": "a", "source_port": "value", "sink": "b", "sink_port": "message"}],
    "layout": {"a": [120, 80]},
}


def problems_of(data: object) -> list[dict[str, str]]:
    with pytest.raises(SpecError) as caught:
        GraphSpec.from_json(data)
    return caught.value.problems


def changed(path: list[Any], value: object) -> dict[str, Any]:
    data = deepcopy(SMALL)
    place: Any = data
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    return data


@given(specs())
def test_what_is_written_is_read_back(spec: GraphSpec) -> None:
    assert GraphSpec.from_json(to_json(spec)) == spec


@given(specs())
def test_canonical_json_survives_a_real_json_file(spec: GraphSpec) -> None:
    assert GraphSpec.from_json(orjson.loads(orjson.dumps(to_json(spec)))) == spec


def test_left_out_members_have_their_defaults() -> None:
    spec = GraphSpec.from_json(SMALL)
    assert spec.nodes[1] == NodeSpec(key="b", block="core.log")
    assert spec.layout == {"a": (120, 80)}


def test_an_empty_object_is_an_empty_graph() -> None:
    assert GraphSpec.from_json({}) == GraphSpec()


def test_policy_is_written_without_its_defaults() -> None:
    node = NodeSpec(key="a", block="x", policy=Policy(retries=2))
    assert to_json(GraphSpec(nodes=(node,)))["nodes"][0]["policy"] == {"retries": 2}


def test_moving_a_node_does_not_change_the_content_hash() -> None:
    spec = GraphSpec.from_json(SMALL)
    assert content_hash(replace(spec, layout={"a": (0, 0)}, annotations=({"kind": "note"},))) == content_hash(spec)


def test_the_order_of_nodes_does_not_change_the_content_hash() -> None:
    spec = GraphSpec.from_json(SMALL)
    assert content_hash(replace(spec, nodes=spec.nodes[::-1])) == content_hash(spec)


def test_a_config_value_changes_the_content_hash() -> None:
    spec = GraphSpec.from_json(SMALL)
    assert content_hash(GraphSpec.from_json(changed(["nodes", 0, "config", "value"], True))) != content_hash(spec)


def test_a_pin_changes_the_content_hash() -> None:
    spec = GraphSpec.from_json(SMALL)
    pinned = GraphSpec.from_json(changed(["nodes", 0, "pinned"], {"value": 1}))
    assert content_hash(pinned) != content_hash(spec)


def test_pinned_is_written_only_when_something_is() -> None:
    nodes = (NodeSpec("a", "x"), NodeSpec("b", "x", pinned={}))
    written = to_json(GraphSpec(nodes=nodes))["nodes"]
    assert ["pinned" in node for node in written] == [False, True]


def test_every_mistake_is_told_at_once() -> None:
    data = changed(["nodes", 1], {"key": "", "block": 5, "policy": {"retries": -1}, "colour": "red"})
    pointers = [problem["pointer"] for problem in problems_of(data)]
    assert pointers == [
        "#/nodes/1/colour",
        "#/nodes/1/key",
        "#/nodes/1/block",
        "#/nodes/1/policy/retries",
        "#/links/0/sink",
    ]


@pytest.mark.parametrize(
    ("path", "value", "pointer"),
    [
        (["nodes"], 7, "#/nodes"),
        (["nodes"], {"a": {}}, "#/nodes"),
        (["nodes", 0], None, "#/nodes/0"),
        (["nodes", 0, "key"], "b", "#/nodes/1/key"),
        (["nodes", 0, "key"], "a\0", "#/nodes/0/key"),
        (["nodes", 0, "key"], " a", "#/nodes/0/key"),
        (["nodes", 0, "key"], "a" * 101, "#/nodes/0/key"),
        (["nodes", 0, "title"], "\ud800", "#/nodes/0/title"),
        (["nodes", 0, "config"], [], "#/nodes/0/config"),
        (["nodes", 0, "config"], {"a/b": {"~": "\0"}}, "#/nodes/0/config/a~1b/~0"),
        (["nodes", 0, "config"], {"a": float("nan")}, "#/nodes/0/config/a"),
        (["nodes", 0, "config"], {"a": [10**30]}, "#/nodes/0/config/a/0"),
        (["nodes", 0, "config"], {"a\0": 1}, "#/nodes/0/config"),
        (["nodes", 0, "config"], {"a": "x" * 1_000_001}, "#/nodes/0/config"),
        (["nodes", 0, "join"], "glue", "#/nodes/0/join"),
        (["nodes", 0, "join"], [], "#/nodes/0/join"),
        (["nodes", 0, "policy"], {"timeout_seconds": float("inf")}, "#/nodes/0/policy/timeout_seconds"),
        (["nodes", 0, "policy"], {"retries": 1.5}, "#/nodes/0/policy/retries"),
        (["nodes", 0, "policy"], {"retries": True}, "#/nodes/0/policy/retries"),
        (["nodes", 0, "policy"], {"on_error": None}, "#/nodes/0/policy/on_error"),
        (["nodes", 0, "pinned"], [1], "#/nodes/0/pinned"),
        (["nodes", 0, "pinned"], {"value": "\0"}, "#/nodes/0/pinned/value"),
        (["nodes", 0, "pinned"], {"value": "x" * 1_000_001}, "#/nodes/0/pinned"),
        (["links", 0, "source"], "nobody", "#/links/0/source"),
        (["links"], [SMALL["links"][0]] * 2, "#/links/1"),
        (["layout"], {"a": [1]}, "#/layout/a"),
        (["layout"], {"a": [1, "2"]}, "#/layout/a/1"),
        (["layout"], {"a": [float("nan"), 0]}, "#/layout/a/0"),
        (["annotations"], ["note"], "#/annotations/0"),
        (["limits"], {"laps": 0}, "#/limits/laps"),
        (["limits"], {"lapse": 1}, "#/limits/lapse"),
        (["limits"], {"items": 0}, "#/limits/items"),
        (["limits"], {"value_bytes": 1.5}, "#/limits/value_bytes"),
        (["name"], "x" * 201, "#/name"),
        (["colour"], "red", "#/colour"),
    ],
)
def test_a_mistake_is_pointed_at(path: list[Any], value: object, pointer: str) -> None:
    assert problems_of(changed(path, value))[0]["pointer"] == pointer


def test_a_deep_value_is_refused_before_it_can_hurt() -> None:
    value: object = 1
    for _ in range(50_000):
        value = [value]
    assert "deeper" in problems_of(changed(["nodes", 0, "config"], {"a": value}))[0]["detail"]


@pytest.mark.parametrize("data", [None, [], "graph", 3, True])
def test_something_else_is_no_graph(data: object) -> None:
    assert problems_of(data)[0]["pointer"] == "#"


def test_too_many_nodes_are_refused_without_reading_them() -> None:
    assert "at most 20,000" in problems_of({"nodes": [None] * 20_001})[0]["detail"]


def test_a_place_of_a_node_that_is_gone_does_no_harm() -> None:
    assert GraphSpec.from_json({"layout": {"gone": [1, 2]}}).layout == {}


def test_a_link_knows_both_its_ends() -> None:
    assert GraphSpec.from_json(SMALL).links == (LinkSpec("a", "value", "b", "message"),)
