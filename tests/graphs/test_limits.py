"""Limits of a graph, set by the API."""

from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from rest_framework.test import APIClient

from agentflow.graphs.drafts import draft_spec
from agentflow.graphs.models import Graph
from agentflow.graphs.services import version_for_run
from agentflow.graphs.spec import Limits
from tests import factories

ALL: dict[str, Any] = {"laps": 5, "node_executions": 100, "seconds": 1.5, "depth": 2, "items": 10, "value_bytes": 1_000}


def set_limits(client: APIClient, graph: Graph, value: Any) -> Any:
    operation = {"op": "set_graph", "name": "limits", "value": value}
    return client.post(f"/api/v1/graphs/{graph.pk}/edits/", {"edit_id": str(uuid4()), "operations": [operation]})


def test_every_limit_can_be_set_and_is_part_of_the_version(alice_api: APIClient, alice: User) -> None:
    assert ALL.keys() == set(Limits.__slots__)
    graph = factories.graph(alice, "a")
    assert set_limits(alice_api, graph, ALL).status_code == 200
    graph.refresh_from_db()
    assert draft_spec(graph).limits == Limits(**ALL)
    assert version_for_run(graph, alice).spec["limits"] == ALL


def test_a_limit_that_is_left_out_has_its_default_again(alice_api: APIClient, alice: User) -> None:
    graph = factories.graph(alice, "a")
    set_limits(alice_api, graph, ALL)
    set_limits(alice_api, graph, {"items": 7, "laps": Limits().laps})
    graph.refresh_from_db()
    assert graph.limits == {"items": 7}


@pytest.mark.parametrize(
    ("value", "pointer", "detail"),
    [
        ({"laps": 0}, "/laps", "Must be between 1 and 1,000,000,000."),
        ({"node_executions": "many"}, "/node_executions", "Must be a number, not text."),
        ({"seconds": -1}, "/seconds", "Must be between 0 and 1,000,000,000."),
        ({"depth": 1_001}, "/depth", "Must be between 1 and 1,000."),
        ({"items": 2.5}, "/items", "Must be a whole number."),
        ({"value_bytes": True}, "/value_bytes", "Must be a number, not a boolean."),
        ({"lapse": 1}, "/lapse", "Is not a member that this version of agentflow knows."),
        ([1], "", "Must be an object, not a list."),
    ],
)
def test_a_wrong_limit_is_pointed_at(alice_api: APIClient, alice: User, value: Any, pointer: str, detail: str) -> None:
    answer = set_limits(alice_api, factories.graph(alice, "a"), value)
    assert answer.status_code == 422
    assert answer.json()["errors"] == [{"pointer": f"#/operations/0/value{pointer}", "detail": detail}]


def test_all_wrong_limits_are_told_at_once(alice_api: APIClient, alice: User) -> None:
    answer = set_limits(alice_api, factories.graph(alice, "a"), dict.fromkeys(ALL, -1))
    assert len(answer.json()["errors"]) == len(ALL)
