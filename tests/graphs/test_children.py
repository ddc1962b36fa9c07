"""Nodes that run other graphs: their ports, and what does not fit."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from agentflow.graphs import services
from agentflow.graphs.detail import checked
from agentflow.graphs.editing import apply_edit
from agentflow.graphs.models import Graph
from agentflow.graphs.spec import GraphSpec
from tests.graphs.test_interface import link, node

GREET = (
    node("who", "io.input", name="who", type="text", required=True),
    node("tone", "io.input", name="tone", default="dry"),
    node("out", "io.output", name="greeting", value="Hello"),
)


def stored(owner: User, *nodes: dict[str, Any], name: str = "Greet") -> Graph:
    return services.create_graph(owner=owner, spec=GraphSpec.from_json({"name": name, "nodes": nodes}))


def parent(*nodes: dict[str, Any], links: tuple[tuple[str, str], ...] = ()) -> GraphSpec:
    return GraphSpec.from_json({"nodes": nodes, "links": [link(*ends) for ends in links]})


def ports(spec: GraphSpec, user: User, key: str = "run") -> tuple[list[str], list[str]]:
    found = checked(spec, user)["ports"][key]
    return [port["name"] for port in found["inputs"]], [port["name"] for port in found["outputs"]]


def warnings(spec: GraphSpec, user: User) -> list[tuple[str, str]]:
    found = checked(spec, user)["problems"]
    assert all(problem["severity"] == "warning" for problem in found)
    return [(problem["code"], problem["pointer"]) for problem in found]


def test_a_node_has_the_ports_of_the_graph_that_it_runs(alice: User) -> None:
    child = stored(alice, *GREET)
    spec = parent(node("run", "graph.run", graph=child.pk, who="Ada"))
    assert ports(spec, alice) == (["graph", "tone", "who"], ["greeting"])
    assert warnings(spec, alice) == []
    typed = {port["name"]: port for port in checked(spec, alice)["ports"]["run"]["inputs"]}
    assert (typed["who"]["schema"], typed["who"]["required"], typed["tone"]["default"]) == (
        {"type": "string"}, True, "dry",
    )  # fmt: skip


def test_the_published_version_counts(alice: User) -> None:
    child = stored(alice, *GREET)
    services.publish(child, user=alice)
    apply_edit(child, [{"op": "remove_node", "key": "tone"}], author=alice)
    assert ports(parent(node("run", "graph.run", graph=child.pk)), alice)[0] == ["graph", "tone", "who"]


def test_what_is_linked_stays_a_port_and_is_warned_of(alice: User) -> None:
    child = stored(alice, *GREET)
    spec = parent(
        node("a", "core.value", value=1),
        node("run", "graph.run", graph=child.pk, who="Ada", old=1),
        node("b", "core.log"),
        node("c", "core.log"),
        links=(("a.value", "run.gone"), ("run.lost.part", "b.message"), ("run.error", "c.message")),
    )
    assert ports(spec, alice) == (["graph", "tone", "who", "old", "gone"], ["greeting", "lost"])
    assert warnings(spec, alice) == [
        ("unknown_input", "#/nodes/1/config/old"),
        ("unknown_port", "#/links/0/sink_port"),
        ("unknown_port", "#/links/1/source_port"),
    ]


def test_a_required_input_of_the_other_graph_is_missed(alice: User) -> None:
    spec = parent(node("run", "graph.run", graph=stored(alice, *GREET).pk))
    assert warnings(spec, alice) == [("missing_input", "#/nodes/0/config/who")]


def test_a_fold_needs_a_graph_that_carries_an_accumulator(alice: User) -> None:
    wrong, right = (
        stored(alice, *GREET),
        stored(
            alice,
            node("i", "io.input", name="item"),
            node("a", "io.input", name="accumulator"),
            node("o", "io.output", name="accumulator", value=1),
        ),
    )
    assert warnings(parent(node("run", "logic.fold", graph=right.pk, items=[])), alice) == []
    pointer = "#/nodes/0/config/graph"
    assert warnings(parent(node("run", "logic.fold", graph=wrong.pk, items=[])), alice) == [
        ("unknown_input", pointer),
        ("unknown_input", pointer),
        ("unknown_output", pointer),
    ]


@pytest.mark.parametrize("block", ["graph.run", "logic.fold"])
@pytest.mark.parametrize("graph", [1, 2**63 - 1, 10**18 * 9 + 10**18])
def test_a_graph_that_is_not_there_is_a_warning(alice: User, block: str, graph: int) -> None:
    spec = parent(node("run", block, graph=graph, **({"items": []} if block == "logic.fold" else {})))
    assert warnings(spec, alice) == [("unknown_graph", "#/nodes/0/config/graph")]


def test_a_strangers_graph_is_not_there(alice: User, charlie: User) -> None:
    spec = parent(node("run", "graph.run", graph=stored(alice, *GREET).pk))
    assert ports(spec, charlie) == (["graph"], [])
    assert warnings(spec, charlie) == [("unknown_graph", "#/nodes/0/config/graph")]


def test_a_graph_that_comes_over_a_link_is_not_looked_up(alice: User) -> None:
    spec = parent(
        node("a", "core.value", value=1),
        node("run", "graph.run", graph=404, whatever=1),
        links=(("a.value", "run.graph"),),
    )
    assert warnings(spec, alice) == []


def test_a_graph_may_run_itself(alice: User) -> None:
    graph = stored(alice, *GREET)
    apply_edit(
        graph,
        [{"op": "add_node", "node": node("run", "graph.run", graph=graph.pk, who="me")}],
        author=alice,
    )
    detail = services.graph_detail(graph, alice)
    assert [port["name"] for port in detail["ports"]["run"]["outputs"]] == ["greeting"]


def test_many_nodes_that_run_graphs_cost_as_many_queries_as_one(alice: User) -> None:
    def queries(count: int) -> int:
        children = [stored(alice, *GREET) for _ in range(count)]
        services.publish(children[0], user=alice)
        spec = parent(*(node(f"n{child.pk}", "graph.run", graph=child.pk, who="Ada") for child in children))
        with CaptureQueriesContext(connection) as captured:
            checked(spec, alice)
        return len(captured)

    assert queries(2) == queries(9) == 3


def test_a_graph_that_runs_none_costs_no_query(alice: User) -> None:
    with CaptureQueriesContext(connection) as captured:
        checked(parent(node("a", "core.value", value=1)), alice)
    assert len(captured) == 0


# API


def test_the_interface_of_a_graph(alice_api: APIClient, alice: User) -> None:
    child = stored(alice, *GREET)
    found = alice_api.get(f"/api/v1/graphs/{child.pk}/interface/").json()
    assert found["version"] is None
    assert found["outputs"] == [{"name": "greeting", "schema": {}}]
    assert found["inputs"][1] == {
        "name": "who", "schema": {"type": "string"}, "required": True, "default": None, "description": "",
    }  # fmt: skip


def test_the_interface_is_the_published_ones_unless_a_version_is_named(alice_api: APIClient, alice: User) -> None:
    child = stored(alice, *GREET)
    services.publish(child, user=alice)
    apply_edit(child, [{"op": "remove_node", "key": "tone"}], author=alice)
    services.version_for_run(child, alice)

    def names(query: str = "") -> tuple[int, list[str]]:
        found = alice_api.get(f"/api/v1/graphs/{child.pk}/interface/{query}").json()
        return found["version"], [one["name"] for one in found["inputs"]]

    assert names() == (1, ["tone", "who"])
    assert names("?version=2") == (2, ["who"])


@pytest.mark.parametrize(("query", "status"), [("?version=9", 404), ("?version=x", 400), ("?version=99999999999", 400)])
def test_a_version_that_is_not_there_has_no_interface(
    alice_api: APIClient, alice: User, query: str, status: int
) -> None:
    child = stored(alice, *GREET)
    assert alice_api.get(f"/api/v1/graphs/{child.pk}/interface/{query}").status_code == status


def test_a_stranger_sees_no_interface(alice: User, charlie_api: APIClient) -> None:
    assert charlie_api.get(f"/api/v1/graphs/{stored(alice, *GREET).pk}/interface/").status_code == 404


def test_ports_of_a_config_are_those_of_the_graph_that_it_names(alice_api: APIClient, alice: User) -> None:
    child = stored(alice, *GREET)
    found = alice_api.post("/api/v1/blocks/graph.run/ports/", {"config": {"graph": child.pk}}).json()
    assert ([port["name"] for port in found["outputs"]], found["problem"]) == (["greeting"], "")


def test_an_edit_answers_with_the_ports_of_the_chosen_graph(alice_api: APIClient, alice: User) -> None:
    child, graph = stored(alice, *GREET), stored(alice, node("run", "graph.run"))
    operation = {"op": "set_config", "key": "run", "name": "graph", "value": child.pk}
    body = {"edit_id": "0193a1c0-0000-7000-8000-000000000001", "operations": [operation]}
    answer = alice_api.post(f"/api/v1/graphs/{graph.pk}/edits/", body).json()
    assert [port["name"] for port in answer["ports"]["run"]["outputs"]] == ["greeting"]
    assert [problem["code"] for problem in answer["problems"]] == ["missing_input"]
