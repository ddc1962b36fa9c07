"""Every problem of a graph at once, with a pointer to it."""

from dataclasses import replace

import pytest

from agentflow.graphs.spec import GraphSpec, LinkSpec, NodeSpec
from agentflow.graphs.validation import Problem, check, validate
from blocks.base import Block, BlockInput, BlockOutput, Port
from tests.engine.drawing import BLOCKS, Blocks, graph


def problems(spec: GraphSpec, registry=BLOCKS) -> dict[str, Problem]:
    """By code; no code twice."""
    found = validate(spec, registry)
    by_code = {problem.code: problem for problem in found}
    assert len(by_code) == len(found)
    return by_code


def codes(spec: GraphSpec, registry=BLOCKS) -> list[str]:
    return [problem.code for problem in validate(spec, registry)]


def typed(source_port: str, sink_port: str, **config) -> GraphSpec:
    nodes = (NodeSpec("a", "typed", {"needed": ""}), NodeSpec("b", "typed", {"needed": "", **config}))
    return GraphSpec(nodes=nodes, links=(LinkSpec("a", source_port, "b", sink_port),))


def test_a_good_graph_has_no_problems():
    assert not validate(graph("rows:each -> a -> all:collect -> o:output", rows={"items": [1]}), BLOCKS)


def test_an_empty_graph_has_no_problems():
    assert not validate(GraphSpec(), BLOCKS)


def test_an_unknown_block_is_one_problem_with_its_links_left_alone():
    found = problems(graph("a -> b:missing.block"))
    assert list(found) == ["unknown_block"]
    assert (found["unknown_block"].pointer, found["unknown_block"].node) == ("#/nodes/1/block", "b")


def test_a_link_from_an_unknown_block_fills_its_port():
    nodes = (NodeSpec("a", "missing.block"), NodeSpec("b", "typed"))
    assert codes(GraphSpec(nodes=nodes, links=(LinkSpec("a", "out", "b", "needed"),))) == ["unknown_block"]


def test_all_problems_come_at_once():
    spec = graph("a -> b; c:nothing", a={"wrong": 1})
    spec = replace(spec, links=(*spec.links, LinkSpec("a", "nowhere", "b", "y"), LinkSpec("x", "out", "b", "z")))
    assert sorted(codes(spec)) == ["unknown_block", "unknown_input", "unknown_node", "unknown_port"]


def test_a_key_that_is_there_twice():
    spec = GraphSpec(nodes=(NodeSpec("a", "step"), NodeSpec("a", "step")))
    assert problems(spec)["duplicate_key"].pointer == "#/nodes/1/key"


def test_a_link_drawn_twice():
    link = LinkSpec("a", "out", "b", "x")
    spec = GraphSpec(nodes=(NodeSpec("a", "step"), NodeSpec("b", "step")), links=(link, link))
    assert problems(spec)["duplicate_link"].link == 1


def test_an_unknown_port_tells_which_there_are():
    found = problems(graph("a.nowhere -> b"))["unknown_port"]
    assert found.pointer == "#/links/0/source_port"
    assert found.detail == "a has no output “nowhere”; it has: out, other."


def test_an_unknown_sink_port():
    assert problems(graph("a.out -> b.nowhere"))["unknown_port"].pointer == "#/links/0/sink_port"


def test_the_error_port_is_there():
    assert not validate(graph("a.error -> b; a.error.message -> c"), BLOCKS)


# Blocks that take and give any name


def test_any_name_is_a_port_of_an_open_block():
    assert not validate(graph("a -> o:open.any; a -> o.dict.member; o.any -> b; o.other.part.0 -> c"), BLOCKS)


def test_what_is_linked_to_an_open_block_is_among_its_ports():
    spec = graph("a -> o:open.any; a -> o.x.y; o.z.0 -> b; o.first -> c; o.error -> d; o.z -> e")
    wiring, _ = check(spec, BLOCKS)
    ports = wiring.ports[1]
    assert ports is not None
    assert [port.name for port in ports.inputs] == ["known", "any", "x"]
    assert [port.name for port in ports.outputs] == ["first", "z"]


@pytest.mark.parametrize(("drawing", "end"), [("a -> o:open..x", "sink"), ("o:open.a b -> a", "source")])
def test_a_port_of_an_open_block_is_a_name(drawing, end):
    assert problems(graph(drawing))["unknown_port"].pointer == f"#/links/0/{end}_port"


def test_the_known_ports_of_an_open_block_keep_their_types():
    assert codes(graph("t:typed.flag -> o:open.known", t={"needed": ""})) == ["type_mismatch"]


def test_what_the_config_gives_an_open_block_is_an_input():
    spec = GraphSpec(nodes=(NodeSpec("o", "open", {"known": 1, "more": 2, "no name": 3}),))
    wiring, found = check(spec, BLOCKS)
    assert wiring.ports[0] is not None
    assert [port.name for port in wiring.ports[0].inputs] == ["known", "more"]
    assert [problem.pointer for problem in found] == ["#/nodes/0/config/no name"]


def test_an_unknown_output_of_an_open_block_can_be_pinned():
    assert pinned({"whatever": 1}, "open") == []
    assert pinned({"error": {}}, "open") == [("bad_pin", "#/nodes/0/pinned/error", "error")]


# Config


def test_a_required_input_needs_a_value_or_a_link():
    spec = GraphSpec(nodes=(NodeSpec("a", "typed", title="Both"),))
    found = problems(spec)["missing_input"]
    assert found.pointer == "#/nodes/0/config/needed"
    assert found.detail == "“Needed” of Both needs a value or a link."


@pytest.mark.parametrize("port", ["needed", "needed.x"])
def test_a_linked_input_is_not_missing(port):
    spec = GraphSpec(nodes=(NodeSpec("a", "step"), NodeSpec("b", "typed")), links=(LinkSpec("a", "out", "b", port),))
    assert "missing_input" not in codes(spec)


def test_a_config_value_of_the_wrong_type():
    spec = GraphSpec(nodes=(NodeSpec("a", "typed", {"needed": "", "whole": "many"}),))
    found = problems(spec)["bad_config"]
    assert found.pointer == "#/nodes/0/config/whole"
    assert "valid integer" in found.detail


def test_a_wrong_value_inside_a_config_value():
    spec = GraphSpec(nodes=(NodeSpec("a", "typed", {"needed": "", "texts": ["a", 5]}),))
    assert problems(spec)["bad_config"].pointer == "#/nodes/0/config/texts/1"


def test_config_for_an_input_that_is_not_there():
    assert problems(graph("a", a={"a/b~c": 1}))["unknown_input"].pointer == "#/nodes/0/config/a~1b~0c"


class Moody(Block):
    """Refuses some config."""

    id = "moody"
    category = "Test"
    disabled_reason = "no mood today"

    class Output(BlockOutput):
        out: int

    @classmethod
    def input_ports(cls, config):
        return () if config == {} else (Port(config["port"], {}),)


def test_a_config_that_gives_no_ports():
    spec = GraphSpec(nodes=(NodeSpec("a", "moody", {"x": 1}),))
    assert set(problems(spec, Blocks(Moody))) == {"bad_config", "disabled_block"}


class Dotted(Block):
    """Ports by config."""

    id = "dotted"
    category = "Test"

    class Input(BlockInput):
        cases: dict[str, str] = {}

    @classmethod
    def output_ports(cls, config):
        return tuple(Port(name, {}) for name in config.get("cases", ()))


def test_a_port_whose_name_has_dots_can_be_linked():
    spec = GraphSpec(
        nodes=(NodeSpec("a", "dotted", {"cases": {"v1.0": "", "v1": ""}}), NodeSpec("b", "step")),
        links=(LinkSpec("a", "v1.0", "b", "x"), LinkSpec("a", "v1.0.part", "b", "y"), LinkSpec("a", "v1.x", "b", "z")),
    )
    assert not validate(spec, Blocks(Dotted))


def test_a_name_of_two_outputs():
    spec = graph("a -> one:output; a -> two:output", one={"name": "x"}, two={"name": "x"})
    found = problems(spec)["duplicate_name"]
    assert (found.pointer, found.node) == ("#/nodes/2/config/name", "two")


def test_an_input_and_an_output_may_share_a_name():
    assert not validate(graph("i:input -> o:output", i={"name": "x"}, o={"name": "x"}), BLOCKS)


def test_the_name_of_an_output_cannot_be_linked():
    assert "linked_name" in codes(graph("a -> o:output; a.other -> o.name"))


# Pinned data


def pinned(values, block: str = "typed") -> list[tuple[str, str, str]]:
    config = {"needed": ""} if block == "typed" else {}
    found = validate(GraphSpec(nodes=(NodeSpec("a", block, config, pinned=values),)), BLOCKS)
    return [(problem.code, problem.pointer, problem.severity) for problem in found]


@pytest.mark.parametrize(
    "values", [{}, {"whole": 3, "number": 3}, {"texts": ["a"], "flag": True}, {"counts": {"a": 1}}]
)
def test_pinned_values_that_fit(values):
    assert pinned(values) == []


def test_a_stream_is_pinned_by_a_list_of_items():
    assert pinned({"item": [1, "b", None], "key": [], "count": 3}, "each") == []
    assert pinned({"item": 1}, "each") == [("bad_pin", "#/nodes/0/pinned/item", "error")]


@pytest.mark.parametrize("port", ["nowhere", "error", "a/b"])
def test_a_value_pinned_to_no_port(port):
    assert pinned({port: 1}) == [("bad_pin", f"#/nodes/0/pinned/{port.replace('/', '~1')}", "error")]


@pytest.mark.parametrize("values", [{"whole": 1.5}, {"number": True}, {"texts": ["a", 2]}, {"flag": None}])
def test_a_pinned_value_of_another_type_is_a_warning(values):
    assert pinned(values) == [("pin_mismatch", f"#/nodes/0/pinned/{next(iter(values))}", "warning")]


def test_a_pinned_node_still_needs_its_input():
    spec = GraphSpec(nodes=(NodeSpec("a", "typed", pinned={"text": ""}),))
    assert codes(spec) == ["missing_input"]


# Types


@pytest.mark.parametrize(
    ("source", "sink"),
    [
        ("whole", "number"),
        ("number", "text"),
        ("flag", "text"),
        ("counts", "text"),
        ("text", "whole"),
        ("text", "number"),
        ("text", "texts"),
        ("whole", "texts"),
        ("counts.x", "number"),
        ("whole", "counts.x"),
        ("text", "texts.3"),
    ],
)
def test_types_that_fit_or_convert(source, sink):
    assert not validate(typed(source, sink), BLOCKS)


@pytest.mark.parametrize(
    ("source", "sink"),
    [
        ("flag", "number"),
        ("text", "flag"),
        ("text", "counts"),
        ("texts", "number"),
        ("whole", "flag"),
        ("flag", "counts.x"),
    ],
)
def test_types_that_are_refused(source, sink):
    found = problems(typed(source, sink))["type_mismatch"]
    assert found.pointer == "#/links/0/sink_port"


def test_a_refused_type_says_both_sides():
    detail = problems(typed("flag", "number"))["type_mismatch"].detail
    assert detail == "“number” of b takes a number; “flag” of a gives true or false."


@pytest.mark.parametrize("source", ["number.x", "texts.first", "text.0"])
def test_a_part_of_something_without_parts(source):
    assert problems(typed(source, "text"))["bad_part"].pointer == "#/links/0/source_port"


@pytest.mark.parametrize("source", ["counts..x", "counts.", "texts.10001", "texts.99999999999999"])
def test_a_part_that_is_no_part(source):
    assert "bad_part" in codes(typed(source, "text"))


@pytest.mark.parametrize("sink", ["texts.10001", "texts.99999999999999", "counts."])
def test_a_member_that_is_no_member(sink):
    assert problems(typed("whole", sink))["bad_part"].pointer == "#/links/0/sink_port"


def test_the_largest_index_is_ten_thousand_on_both_sides():
    assert not validate(typed("texts.10000", "texts.10000"), BLOCKS)


def test_digits_are_a_key_where_only_a_dict_can_be():
    assert not validate(typed("counts.20240101", "counts.20240102"), BLOCKS)


@pytest.mark.parametrize("sink", ["number.x", "texts.first", "counts.x.y"])
def test_a_member_of_something_without_members(sink):
    assert problems(typed("whole", sink))["bad_member"].pointer == "#/links/0/sink_port"


def test_a_member_of_a_collect():
    assert "bad_member" in codes(graph("rows:each -> all:collect.items.0"))


# Loops and cycles


def test_two_loops_that_meet():
    found = problems(graph("one:each -> a; two:each -> a"))["crossing_loops"]
    assert found.node == "a"
    assert found.detail.startswith("a takes values from two loops, of one and of two")


def test_loops_that_meet_may_be_collected_zipped_or_crossed():
    found = problems(graph("one:each -> a; two:each -> a"))["crossing_loops"]
    assert all(word in found.detail for word in ("collect", "zip", "cross"))
    assert not validate(graph("one:each -> a; two:each -> a", a={"join": "zip"}), BLOCKS)
    assert not validate(graph("one:each -> a; two:each -> a", a={"join": "cross"}), BLOCKS)


@pytest.mark.parametrize(
    "drawing", ["rows:each -> cells:each -> a; two:each -> a", "one:each -> a; two:each -> a; a -> b -> a"]
)
def test_what_would_not_help_is_not_offered(drawing):
    (detail,) = (found.detail for found in validate(graph(drawing), BLOCKS) if found.code == "distant_loops")
    assert "collect one of them first" in detail
    assert "zip" not in detail


@pytest.mark.parametrize("join", ["zip", "cross"])
def test_loops_of_different_depth_cannot_be_joined(join):
    (found,) = validate(graph("rows:each -> cells:each -> a; two:each -> a", a={"join": join}), BLOCKS)
    assert (found.code, found.pointer) == ("distant_loops", "#/nodes/2")
    assert f"cannot {join} these loops" in found.detail


def test_a_zipped_loop_is_another_one_than_those_it_is_made_of():
    spec = graph("one:each -> a; two:each -> a; a -> b; one -> b", a={"join": "zip"})
    assert problems(spec)["crossing_loops"].detail.startswith("b takes values from two loops, of a and of one")


def test_a_loop_inside_a_loop_is_no_crossing():
    assert not validate(graph("one:each -> two:each -> a; one.key -> a; s -> a"), BLOCKS)


def test_two_loops_that_meet_further_on():
    assert "crossing_loops" in codes(graph("one:each -> b; two:each -> c; b -> a; c -> a"))


def test_the_loop_of_another_item_is_another_loop():
    assert "crossing_loops" in codes(graph("o:each -> i:each -> b; o -> j:each -> c; b -> a; c -> a"))


def test_links_from_different_depths_into_one_port():
    found = problems(graph("rows:each; rows.item -> a.x; s -> a.x"))["mixed_loops"]
    assert (found.node, found.link) == ("a", 1)
    assert (
        found.detail
        == "Links from different loops meet in “x” of a: rows is in the loop of rows and s is outside loops."
    )


def test_a_collect_outside_loops():
    found = problems(graph("a -> all:collect"))["collect_outside_loop"]
    assert "Gather" in found.detail


def test_a_collect_in_a_cycle_waits_for_itself():
    assert "waits_for_itself" in codes(graph("rows:each -> all:collect -> rows.items"))


def test_two_collects_that_wait_for_each_other():
    spec = graph("r:each -> a; s:each -> b; a -> one:collect; b -> two:collect; one -> s.items; two -> r.items")
    assert "waits_for_itself" in codes(spec)


def test_a_gather_in_a_cycle_waits_for_itself():
    assert "waits_for_itself" in codes(graph("a -> g:gather -> a.x"))


def test_a_link_from_a_loops_body_back_above_it():
    found = problems(graph("rows:each; s -> rows; rows.item -> b; b -> rows.items"))["loop_leads_back"]
    assert (found.node, found.link) == ("rows", 2)


def test_a_cycle_with_a_way_in_is_fine():
    assert not validate(graph("s -> a.x; a -> b -> a.x"), BLOCKS)


def test_a_cycle_that_nothing_can_enter():
    assert codes(graph("a -> b -> a.x")) == ["cycle_without_entry", "cycle_without_entry"]


def test_a_cycle_whose_way_in_needs_the_cycle():
    found = validate(graph("s -> a.x; b -> a.y; a -> b.x"), BLOCKS)
    assert [problem.node for problem in found] == ["a", "b"]


def test_ten_thousand_nodes_in_a_row_need_no_deep_stack():
    assert not validate(graph(" -> ".join(f"n{number}" for number in range(10_000))), BLOCKS)


def test_a_cycle_of_ten_thousand_nodes_needs_no_deep_stack():
    names = [f"n{number}" for number in range(10_000)]
    assert not validate(graph(f"s -> n0.x; {' -> '.join(names)}; n9999.out -> n0.x"), BLOCKS)
