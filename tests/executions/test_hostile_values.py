"""Hostile values through real runs: each ends, and everything that can be asked of it is answered."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from rest_framework.test import APIClient

from agentflow.graphs.models import Graph
from agentflow.graphs.spec import OnError, Policy
from executions.host import Host
from executions.live import read_changes, read_recent
from executions.models import Execution
from tests.executions.hosting import drawn, ended
from tests.hostile.bad import DOSE, TEXTS, VALUES, json_bytes
from tests.tracebacks import Tracebacks

pytestmark = [pytest.mark.redis, pytest.mark.usefixtures("db")]


@pytest.fixture(scope="module")
def db(lasting_db: None) -> None:
    """Stays for all tests of this module."""


@pytest.fixture
def client_of_owner(owner: User) -> APIClient:
    client = APIClient()
    client.force_authenticate(owner)
    return client


@pytest.fixture
def graph(owner: User) -> Graph:
    """The input goes on as it is, as text, as items, and into an object under whatever it is."""
    nodes = {
        "in": ("io.input", {"name": "x"}),
        "same": ("core.value", {}),
        "text": ("core.template", {"template": "{{ value }}"}),
        "json": ("json.dump", {}),
        "each": ("logic.for_each", {}),
        "log": ("core.log", {}),
        "collect": ("logic.collect", {}),
        "out": ("io.output", {"name": "same"}),
        "listed": ("io.output", {"name": "listed"}),
    }
    links = (
        "in.value -> same.value; in.value -> text.values.value; in.value -> json.value; same.value -> out.value;"
        "in.value -> each.items; each.item -> log.message; each.item -> collect.items; collect.items -> listed.value"
    )
    keep = Policy(on_error=OnError.CONTINUE)
    return drawn(owner, {key: (*node, keep) for key, node in nodes.items()}, links)


def started(client: APIClient, graph: Graph, value: Any) -> Any:
    return client.post(
        f"/api/v1/graphs/{graph.pk}/execute/", json_bytes({"inputs": {"x": value}}), content_type="application/json"
    )


def look_at(client: APIClient, owner: User, run: Execution) -> None:
    """Everything that pages, API and sockets ask of a run."""
    address = f"/api/v1/executions/{run.pk}/"
    for path in ("", "nodes/", "outputs/", *(f"nodes/{row.pk}/" for row in run.node_executions.all()[:9])):
        assert client.get(f"{address}{path}").status_code == 200, path
    assert read_changes(run.pk, 0)
    assert read_recent(run.graph_id)
    browser = Client()
    User.objects.filter(pk=owner.pk).update(is_staff=True, is_superuser=True)
    browser.force_login(owner)
    rows = [
        f"/admin/executions/nodeexecution/{row.pk}/{page}/"
        for row in run.node_executions.all()[:3]
        for page in ("change", "outputs")
    ]
    for page in (f"/executions/{run.pk}/", "/executions/", "/", f"/admin/executions/execution/{run.pk}/change/", *rows):
        assert browser.get(page).status_code == 200, page


#: The whole list with a larger dose.
CASES = [*VALUES, *TEXTS, {text: text for text in TEXTS if "\ud800" not in text}][:: 1 if DOSE > 1 else 8]


@pytest.mark.parametrize("value", CASES, ids=range(len(CASES)))
def test_a_run_on_a_hostile_value_ends_and_can_be_looked_at(
    host: Host, owner: User, client_of_owner: APIClient, graph: Graph, tracebacks: Tracebacks, value: Any
) -> None:
    answer = started(client_of_owner, graph, value)
    assert answer.status_code < 500, answer.content
    if answer.status_code == 202:
        run = ended(Execution.objects.get(pk=answer.json()["id"]))
        look_at(client_of_owner, owner, run)
        assert run.outputs.get("same", value) == value
        again = client_of_owner.post(
            f"/api/v1/executions/{run.pk}/retry/",
            json_bytes({"node": "same", "inputs": {"value": value}}),
            content_type="application/json",
        )
        assert again.status_code < 500, again.content
        if again.status_code == 202:
            look_at(client_of_owner, owner, ended(Execution.objects.get(pk=again.json()["id"])))
    tracebacks.refuse()
