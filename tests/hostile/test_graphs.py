"""Valid graphs, broken at random places: refused with the place, or taken whole."""

import json
from typing import Any

import pytest
from django.db import transaction
from hypothesis import given
from hypothesis import strategies as st
from rest_framework.test import APIClient

from agentflow.graphs.management.commands.load_examples import EXAMPLES
from agentflow.graphs.services import UNTITLED
from agentflow.graphs.spec import GraphSpec, content_hash
from blocks.registry import load
from tests.hostile.bad import broken, is_there, json_bytes, settled
from tests.tracebacks import Tracebacks


def every_block() -> dict[str, Any]:
    """One node of each block, as its first example shows it."""
    nodes = [
        {"key": block.id, "block": block.id, "config": dict(block.examples[0].input) if block.examples else {}}
        for block in load().all()
    ]
    return {"name": "All", "nodes": nodes}


GRAPHS: list[Any] = [
    *(json.loads(path.read_bytes()) for path in sorted(EXAMPLES.glob("*.json"))),
    every_block(),
    {
        "name": "Full",
        "description": "d",
        "nodes": [
            {
                "key": "a",
                "block": "core.value",
                "block_version": 1,
                "config": {"value": {"b": [1, {"c": None}]}},
                "title": "A",
                "policy": {"retries": 1, "timeout_seconds": 1.5, "on_error": "continue", "concurrency": 2},
                "join": "match",
                "pinned": {"value": [1]},
            },
            {"key": "b", "block": "core.template", "config": {"template": "{{ values.x }}"}},
        ],
        "links": [{"source": "a", "source_port": "value.b.0", "sink": "b", "sink_port": "values.x"}],
        "layout": {"a": [1, 2], "b": [3.5, -4]},
        "annotations": [{"kind": "note", "text": "t", "at": [0, 0, 1, 1]}],
        "limits": {"laps": 5, "node_executions": 100, "seconds": 1.5, "depth": 2, "items": 10, "value_bytes": 1000},
    },
]


def refuse_breakage(answer: Any, body: Any) -> None:
    """The answer is no server error; one that refuses says where in the body."""
    assert answer.status_code < 500, answer.content
    if answer.status_code >= 400:
        problem = answer.json()
        assert answer["Content-Type"] == "application/problem+json"
        assert problem["detail"]
        assert all(error["detail"] and is_there(error["pointer"], body) for error in problem["errors"]), problem
        assert problem["errors"] or answer.status_code != 422, problem


def look_at(client: APIClient, address: str, spec: Any) -> None:
    """Everything that can be asked of a graph, whatever it holds."""
    for path in ("", "export/", "interface/", "versions/", "edits/"):
        assert client.get(f"{address}{path}").status_code == 200, path
    for path in ("validate/", "execute/", "publish/", "execute/"):
        refuse_breakage(client.post(f"{address}{path}", {}), {**spec, "inputs": {}})


def content(spec: Any) -> tuple[str, Any]:
    """What must not be lost of a graph; places of nodes that are not told are made up."""
    read = GraphSpec.from_json(spec)
    return content_hash(read), read.annotations


@given(data=st.data())
@settled(20)
@pytest.mark.parametrize("graph", GRAPHS, ids=lambda graph: graph["name"])
def test_a_broken_graph_is_refused_with_the_place_or_taken_whole(
    alice_api: APIClient, tracebacks: Tracebacks, unthrottled: None, graph: Any, data: st.DataObject
) -> None:
    spec = data.draw(broken(graph))
    with transaction.atomic():
        answer = alice_api.post("/api/v1/graphs/import/", json_bytes(spec), content_type="application/json")
        refuse_breakage(answer, spec)
        if answer.status_code == 201:
            address = f"/api/v1/graphs/{answer.json()['id']}/"
            exported = alice_api.get(f"{address}export/").json()
            assert content(exported) == content({**spec, "name": spec.get("name") or UNTITLED})
            look_at(alice_api, address, exported)
        transaction.set_rollback(True)
    tracebacks.refuse()
