"""A run's input: config, links to ports, links to members, conversions."""

from typing import Any

import pytest

from agentflow.graphs.spec import GraphSpec, LinkSpec, NodeSpec
from executions.engine.inputs import InputError, assemble
from executions.engine.plan import compile_plan
from executions.engine.scheduler import Arrival
from tests.engine.drawing import BLOCKS


def given(config: dict[str, Any], *values: tuple[str, Any], block: str = "step") -> dict[str, Any]:
    """The input of a node with this config and these values on links to these ports."""
    nodes = (NodeSpec("a", "step"), NodeSpec("b", "step"), NodeSpec("n", block, config))
    links = tuple(LinkSpec("a", f"out.part{number}", "n", port) for number, (port, _) in enumerate(values))
    plan = compile_plan(GraphSpec(nodes=nodes, links=links), BLOCKS)
    return assemble(plan.nodes["n"], [Arrival(number, value, 0) for number, (_, value) in enumerate(values)])


def test_config_alone():
    assert given({"x": 1, "y": None}) == {"x": 1, "y": None}


def test_a_link_overrides_config():
    assert given({"x": 1, "y": 2}, ("x", 5)) == {"x": 5, "y": 2}


def test_null_overrides_too():
    assert given({"x": 1}, ("x", None)) == {"x": None}


def test_members_override_the_link_to_the_whole_which_overrides_config():
    found = given({"values": {"a": 0, "b": 0}}, ("values.a", 1), ("values", {"a": 2, "c": 2}))
    assert found == {"values": {"a": 1, "c": 2}}


def test_members_are_added_to_config():
    assert given({"values": {"a": 0}}, ("values.b", 1)) == {"values": {"a": 0, "b": 1}}


def test_members_alone_make_a_dict():
    assert given({}, ("values.a", 1), ("values.b", 2)) == {"values": {"a": 1, "b": 2}}


def test_digits_are_a_key_where_only_a_dict_can_be():
    assert given({"needed": ""}, ("counts.2024", 1), block="typed") == {"needed": "", "counts": {"2024": 1}}


def test_gaps_between_list_members_are_null():
    assert given({}, ("values.3", "d"), ("values.1", "b")) == {"values": [None, "b", None, "d"]}


def test_list_members_override_items():
    assert given({"values": [1, 2, 3]}, ("values.1", "x")) == {"values": [1, "x", 3]}


def test_containers_that_are_given_are_never_changed():
    config = {"values": [1, 2]}
    given(config, ("values.0", 5))
    assert config == {"values": [1, 2]}


def test_a_member_of_a_number_is_an_error():
    with pytest.raises(InputError, match="has no members"):
        given({"values": 5}, ("values.a", 1))


def test_a_name_in_a_list_is_an_error():
    with pytest.raises(InputError, match="no index"):
        given({"values": [1]}, ("values.a", 1))


def test_linked_values_are_converted():
    assert given({"needed": ""}, ("whole", "5"), ("text", [1]), block="typed") == {
        "needed": "",
        "whole": 5,
        "text": "[1]",
    }


def test_members_are_converted_to_the_types_of_members():
    found = given({"needed": ""}, ("counts.a", "5"), ("texts.0", 1), block="typed")
    assert found == {"needed": "", "counts": {"a": 5}, "texts": ["1"]}


def test_a_value_that_does_not_fit_is_named_with_its_port():
    with pytest.raises(InputError) as caught:
        given({"needed": ""}, ("whole", "many"), block="typed")
    assert (caught.value.port, caught.value.message) == ("whole", '"many" is not a whole number')


def test_a_collect_without_items_is_an_empty_list():
    nodes = (NodeSpec("rows", "each"), NodeSpec("all", "collect"))
    plan = compile_plan(GraphSpec(nodes=nodes, links=(LinkSpec("rows", "item", "all", "items"),)), BLOCKS)
    assert assemble(plan.nodes["all"], []) == {"items": []}
