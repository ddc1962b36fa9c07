"""Limits of a graph, set by the API."""

from dataclasses import replace
from importlib import import_module
from typing import Any
from uuid import uuid4

import pytest
from django.apps import apps
from django.contrib.auth.models import User
from rest_framework.test import APIClient

from agentflow.graphs.drafts import draft_spec
from agentflow.graphs.editing import apply_edit, replace_draft
from agentflow.graphs.models import Graph, GraphEdit
from agentflow.graphs.services import version_for_run
from agentflow.graphs.spec import Limits
from tests import factories
from tests.graphs.test_editing import at_once

ALL: dict[str, Any] = {"laps": 5, "node_executions": 100, "seconds": 1.5, "depth": 2, "items": 10, "value_bytes": 1_000}


def limits(value: Any) -> dict[str, Any]:
    return {"op": "set_graph", "name": "limits", "value": value}


def edit(graph: Graph, value: Any, author: User) -> GraphEdit:
    return apply_edit(graph, [limits(value)], author=author)


def set_limits(client: APIClient, graph: Graph, value: Any) -> Any:
    return client.post(f"/api/v1/graphs/{graph.pk}/edits/", {"edit_id": str(uuid4()), "operations": [limits(value)]})


def test_every_limit_can_be_set_and_is_part_of_the_version(alice_api: APIClient, alice: User) -> None:
    assert ALL.keys() == set(Limits.__slots__)
    graph = factories.graph(alice, "a")
    assert set_limits(alice_api, graph, ALL).status_code == 200
    graph.refresh_from_db()
    assert draft_spec(graph).limits == Limits(**ALL)
    assert version_for_run(graph, alice).spec["limits"] == ALL


def test_a_limit_that_is_left_out_stays(alice_api: APIClient, alice: User) -> None:
    graph = factories.graph(alice, "a")
    set_limits(alice_api, graph, {"items": 5, "seconds": 1.5})
    set_limits(alice_api, graph, {"items": 7})
    graph.refresh_from_db()
    assert graph.limits == {"items": 7, "seconds": 1.5}


@pytest.mark.parametrize("usual", [None, Limits().items])
def test_a_limit_that_is_null_has_its_default_again(alice_api: APIClient, alice: User, usual: int | None) -> None:
    graph = factories.graph(alice, "a")
    set_limits(alice_api, graph, {"items": 5, "laps": 3})
    set_limits(alice_api, graph, {"items": usual})
    graph.refresh_from_db()
    assert graph.limits == {"laps": 3}


def test_a_whole_spec_still_takes_limits_away(alice: User) -> None:
    graph = factories.graph(alice, "a")
    edit(graph, {"items": 5, "laps": 3}, alice)
    whole = draft_spec(graph)
    found = replace_draft(graph, replace(whole, limits=Limits(laps=4)), author=alice)
    graph.refresh_from_db()
    assert graph.limits == {"laps": 4}
    assert found
    assert found.operations == [limits({"laps": 4, "items": None})]


@pytest.mark.django_db(transaction=True)
def test_two_people_who_change_different_limits_both_win(alice: User, bob: User) -> None:
    graph = factories.graph(alice, "a")
    at_once(
        lambda: [edit(graph, {"items": number}, alice) for number in range(1, 11)],
        lambda: [edit(graph, {"laps": number}, bob) for number in range(1, 11)],
    )
    graph.refresh_from_db()
    assert graph.limits == {"items": 10, "laps": 10}


def test_an_edit_kept_from_before_limits_were_merged_still_sets_all(alice: User) -> None:
    graph = factories.graph(alice, "a")
    kept = edit(graph, {"items": 5}, alice)
    import_module("agentflow.graphs.migrations.0003_limits_by_name").name_all_limits(apps, None)
    edit(graph, ALL, alice)
    kept.refresh_from_db()
    apply_edit(graph, kept.operations, author=alice)
    graph.refresh_from_db()
    assert graph.limits == {"items": 5}


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
        ({"lapse": None}, "/lapse", "Is not a member that this version of agentflow knows."),
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
