"""What a graph takes and gives, read from its nodes."""

from typing import Any

import pytest

from agentflow.graphs.interface import interface
from agentflow.graphs.spec import GraphSpec
from blocks.registry import registry
from blocks.types import Schema


def node(key: str, block: str, **config: Any) -> dict[str, Any]:
    return {"key": key, "block": block, "config": config}


def link(source: str, sink: str) -> dict[str, str]:
    (a, _, p), (b, _, q) = source.partition("."), sink.partition(".")
    return {"source": a, "source_port": p, "sink": b, "sink_port": q}


def spec(*nodes: dict[str, Any], links: tuple[tuple[str, str], ...] = ()) -> GraphSpec:
    return GraphSpec.from_json({"nodes": nodes, "links": [link(*ends) for ends in links]})


def output_schema(*nodes: dict[str, Any], links: tuple[tuple[str, str], ...]) -> Schema:
    (port,) = interface(spec(node("out", "io.output", name="out"), *nodes, links=links), registry()).outputs
    return port.schema


def test_inputs_tell_type_default_and_whether_they_are_needed() -> None:
    nodes = (
        node("a", "io.input", name="who", type="text", required=True, description="Whom to greet."),
        node("b", "io.input", name="times", type="integer", required=True, default=0),
        node("c", "io.input", name="anything"),
    )
    found = interface(spec(*nodes), registry()).inputs
    assert [(port.name, port.schema, port.required, port.default) for port in found] == [
        ("who", {"type": "string"}, True, None),
        ("times", {"type": "integer"}, False, 0),
        ("anything", {}, False, None),
    ]
    assert found[0].description == "Whom to greet."


@pytest.mark.parametrize("name", [None, "", 5, "two words", "ünïcode"])
def test_a_node_without_a_usable_name_is_no_input(name: object) -> None:
    assert interface(spec(node("a", "io.input", name=name)), registry()).inputs == ()


def test_of_two_nodes_with_one_name_the_first_counts() -> None:
    nodes = (node("a", "io.input", name="x", type="text"), node("b", "io.input", name="x", type="list"))
    (port,) = interface(spec(*nodes), registry()).inputs
    assert port.schema == {"type": "string"}


def test_an_output_has_the_type_of_what_is_linked() -> None:
    assert output_schema(node("t", "text.join"), links=(("t.text", "out.value"),)) == {"type": "string"}


def test_an_output_in_a_loop_is_a_list() -> None:
    found = output_schema(
        node("e", "logic.for_each"),
        node("t", "text.split"),
        links=(("e.item", "t.text"), ("t.parts", "out.value")),
    )
    assert (found["type"], found["items"]["type"]) == ("array", "array")


def test_a_part_has_the_type_of_the_part() -> None:
    found = output_schema(node("w", "web.request"), links=(("w.error.attempt", "out.value"),))
    assert found["type"] == "integer"


@pytest.mark.parametrize("links", [(), (("a.text", "out.value"), ("b.result", "out.value"))])
def test_an_output_of_no_or_several_sources_may_be_anything(links: tuple[tuple[str, str], ...]) -> None:
    assert output_schema(node("a", "text.join"), node("b", "math.calculate"), links=links) == {}


def test_a_graph_with_an_unknown_block_still_has_its_inputs() -> None:
    found = interface(spec(node("x", "no.such"), node("a", "io.input", name="who")), registry())
    assert [port.name for port in found.inputs] == ["who"]
