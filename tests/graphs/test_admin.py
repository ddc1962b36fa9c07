"""Graphs and tokens in the admin."""

import io
import json
import zipfile
from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin as django_admin
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from agentflow.accounts.groups import create_group
from agentflow.accounts.invitations import invite
from agentflow.accounts.models import ApiToken, Profile
from agentflow.accounts.services import create_token
from agentflow.graphs import services
from agentflow.graphs.editing import apply_edit
from agentflow.graphs.models import Graph, GraphEdit, GraphShare, GraphVersion, Link, Node
from tests import factories

MODELS = [*apps.get_app_config("graphs").get_models(), *apps.get_app_config("accounts").get_models()]
VALID = {"name": "Valid", "nodes": [{"key": "a", "block": "core.value", "config": {"value": 1}}]}


def url(model: Any, page: str, *args: Any) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=args)


@pytest.fixture
def page(client: Client, admin: User) -> Client:
    client.force_login(admin)
    return client


@pytest.fixture
def graph(alice: User, bob: User) -> Graph:
    """One with something of everything."""
    graph = factories.graph(alice, "a -> b -> c", name="Sales")
    factories.share(graph, bob)
    apply_edit(graph, [{"op": "set_title", "key": "a", "title": "Start"}], author=alice)
    services.version_for_run(graph, alice)
    create_token(user=alice, name="cron")
    team = create_group(name="Team", owner=alice)
    invite(team, role="viewer", by=alice)
    Profile.objects.create(user=alice)
    return graph


@pytest.mark.parametrize("model", MODELS)
def test_every_model_is_registered(model: Any) -> None:
    assert django_admin.site.is_registered(model)


@pytest.mark.parametrize("model", MODELS)
def test_every_list_opens_and_can_be_searched(page: Client, graph: Graph, model: Any) -> None:
    assert page.get(url(model, "changelist")).status_code == 200
    assert page.get(url(model, "changelist"), {"q": "sales"}).status_code == 200


@pytest.mark.parametrize("model", MODELS)
def test_every_object_opens(page: Client, graph: Graph, model: Any) -> None:
    assert page.get(url(model, "change", model.objects.first().pk)).status_code == 200


@pytest.mark.parametrize("model", [GraphVersion, GraphEdit, Node, Link, Graph])
def test_a_list_costs_the_same_for_many_rows_and_reads_no_payload(
    page: Client, graph: Graph, alice: User, model: Any
) -> None:
    def queries() -> list[str]:
        with CaptureQueriesContext(connection) as captured:
            page.get(url(model, "changelist"))
        return [query["sql"] for query in captured]

    few = queries()
    for text in "xyz":
        apply_edit(graph, [{"op": "set_title", "key": "a", "title": text}], author=alice)
        services.version_for_run(graph, alice)
        factories.graph(alice, "a -> b -> c")
    many = queries()
    assert len(many) == len(few)
    assert not any(column in sql for sql in many for column in ('."spec"', '."operations"', '."config"'))


@pytest.mark.parametrize("model", [GraphVersion, GraphEdit])
def test_recorded_things_cannot_be_edited(page: Client, graph: Graph, model: Any) -> None:
    assert page.get(url(model, "add")).status_code == 403
    assert page.post(url(model, "delete", model.objects.first().pk), {"post": "yes"}).status_code == 403


def form(graph: Graph, **changes: Any) -> dict[str, Any]:
    inlines = {
        f"{name}-{count}": 0
        for name in ("shares", "versions", "nodes", "links")
        for count in ("TOTAL_FORMS", "INITIAL_FORMS")
    }
    return {"name": graph.name, "description": graph.description, "owner": graph.owner_id, **inlines, **changes}


def test_a_new_name_is_an_edit(page: Client, graph: Graph, admin: User) -> None:
    page.post(url(Graph, "change", graph.pk), form(graph, name="Revenue"))
    edit = graph.edits.get(revision=2)
    graph.refresh_from_db()
    assert (graph.name, graph.revision, edit.author) == ("Revenue", 2, admin)
    assert edit.operations == [{"op": "set_graph", "name": "name", "value": "Revenue"}]


def test_a_graph_gets_another_owner(page: Client, graph: Graph, bob: User) -> None:
    page.post(url(Graph, "change", graph.pk), form(graph, owner=bob.pk))
    graph.refresh_from_db()
    assert (graph.owner, graph.revision) == (bob, 1)


def test_a_large_graph_shows_its_first_nodes(page: Client, alice: User) -> None:
    graph = factories.graph(alice, " -> ".join(f"k{i}" for i in range(80)))
    text = page.get(url(Graph, "change", graph.pk)).content.decode()
    assert ("k49" in text, "k79" in text) == (True, False)


def test_graphs_are_published_from_the_list(page: Client, graph: Graph, alice: User) -> None:
    valid = services.import_graph(VALID, owner=alice)
    broken = factories.graph(alice, "a", block="no.such_block")
    chosen = {"action": "publish", "_selected_action": [valid.pk, broken.pk]}
    text = page.post(url(Graph, "changelist"), chosen, follow=True).content.decode()
    assert list(Graph.objects.exclude(published=None)) == [valid]
    assert "was not published" in text


def test_an_older_version_is_published(page: Client, alice: User) -> None:
    graph = services.import_graph(VALID, owner=alice)
    first = services.version_for_run(graph, alice)
    chosen = {"action": "publish", "_selected_action": [first.pk]}
    page.post(url(GraphVersion, "changelist"), chosen)
    graph.refresh_from_db()
    assert graph.published == first


def test_graphs_are_exported_from_the_list(page: Client, graph: Graph) -> None:
    chosen = {"action": "export", "_selected_action": [graph.pk]}
    answer = page.post(url(Graph, "changelist"), chosen)
    archive = zipfile.ZipFile(io.BytesIO(answer.content))
    assert json.loads(archive.read(f"{graph.pk}-sales.json")) == services.export_graph(graph)


def test_a_graph_is_deleted_with_its_executions(page: Client, graph: Graph, alice: User) -> None:
    graph.executions.create(version=services.version_for_run(graph, alice), owner=alice)
    page.post(url(Graph, "delete", graph.pk), {"post": "yes"})
    assert not Graph.objects.exists()
    assert not GraphShare.objects.exists()


def test_tokens_are_revoked_from_the_list_and_never_shown(page: Client, graph: Graph) -> None:
    token = ApiToken.objects.get()
    assert token.digest not in page.get(url(ApiToken, "change", token.pk)).content.decode()
    page.post(url(ApiToken, "changelist"), {"action": "revoke", "_selected_action": [token.pk]})
    token.refresh_from_db()
    assert token.revoked_at is not None


@pytest.mark.parametrize("state", ["usable", "revoked", "expired"])
def test_tokens_are_filtered_by_state(page: Client, graph: Graph, state: str) -> None:
    assert page.get(url(ApiToken, "changelist"), {"state": state}).status_code == 200


@pytest.mark.parametrize("published", ["yes", "no"])
def test_graphs_are_filtered_by_published(page: Client, graph: Graph, published: str) -> None:
    assert page.get(url(Graph, "changelist"), {"published": published}).status_code == 200
