"""The API of triggers: every route for every kind of caller, and what it answers."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from rest_framework.test import APIClient

from agentflow.accounts.services import create_token
from agentflow.graphs.models import Graph, Role
from agentflow.graphs.services import delete_graph
from executions.models import Execution
from tests import factories
from tests.triggers import made

pytestmark = pytest.mark.django_db

ROLES = ["viewer", "runner", "editor"]
SCOPES = ["read", "run", "write"]
KINDS = ["schedules", "webhooks", "forms", "chains"]
#: Method, path behind the kind, smallest role, scope, status, body.
CALLS: list[tuple[str, str, str, str, int, Any]] = [
    ("get", "{id}/", "viewer", "read", 200, None),
    ("patch", "{id}/", "editor", "write", 200, {"name": "N"}),
    ("post", "{id}/pause/", "editor", "write", 200, None),
    ("post", "{id}/resume/", "editor", "write", 200, None),
    ("post", "{id}/test/", "runner", "run", 202, {"inputs": {"who": "Ada"}}),
    ("delete", "{id}/", "editor", "write", 204, None),
]
WEBHOOKS: list[tuple[str, str, str, str, int, Any]] = [
    ("get", "{id}/deliveries/", "viewer", "read", 200, None),
    ("post", "{id}/renew/", "editor", "write", 200, None),
    ("post", "{id}/deliveries/{delivery}/replay/", "runner", "run", 202, None),
]
ROUTES = [(kind, *call) for kind in KINDS for call in CALLS]
ROUTES += [("webhooks", *call) for call in WEBHOOKS] + [("forms", *WEBHOOKS[1])]
every_route = pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route[1]} {route[0]}/{route[2]}")


@pytest.fixture
def graph(alice: User) -> Graph:
    return made.greeter(alice)


def trigger(kind: str, graph: Graph) -> Any:
    match kind:
        case "schedules":
            return made.schedule(graph, inputs={"who": "Ada"})
        case "webhooks":
            return made.webhook(graph)
        case "forms":
            return made.form(graph)
        case _:
            return made.chain(graph, made.greeter(graph.owner))


def call(client: APIClient, route: Any, graph: Graph) -> int:
    kind, method, path, *_, body = route
    found = trigger(kind, graph)
    delivery = 0
    if "delivery" in path:
        delivery = found.deliveries.create(status="started", code=202, body=b'{"who": "Ada"}', request={}).pk
    address = f"/api/v1/{kind}/" + path.format(id=found.pk, delivery=delivery)
    return int(getattr(client, method)(address, body).status_code)


@every_route
@pytest.mark.parametrize("role", ROLES)
def test_a_role_may_do_what_it_is_for(alice: User, bob: User, graph: Graph, route: Any, role: str) -> None:
    factories.share(graph, bob, Role(role))
    client = APIClient()
    client.force_authenticate(bob)
    enough = ROLES.index(role) >= ROLES.index(route[3])
    assert call(client, route, graph) == (route[5] if enough else 403)


@every_route
def test_a_stranger_finds_nothing_and_nobody_must_log_in(
    charlie_api: APIClient, api: APIClient, graph: Graph, route: Any
) -> None:
    assert call(charlie_api, route, graph) == 404
    assert call(api, route, graph) == 401


@every_route
@pytest.mark.parametrize("scope", SCOPES)
def test_a_token_may_do_what_its_scope_says(alice: User, graph: Graph, route: Any, scope: str) -> None:
    client = APIClient(headers={"Authorization": f"Bearer {create_token(user=alice, name='t', scope=scope)[1]}"})
    enough = SCOPES.index(scope) >= SCOPES.index(route[4])
    assert call(client, route, graph) == (route[5] if enough else 403)


@pytest.mark.parametrize("kind", KINDS)
def test_lists_show_what_the_caller_sees(
    kind: str, graph: Graph, alice_api: APIClient, bob_api: APIClient, bob: User, charlie_api: APIClient
) -> None:
    found = trigger(kind, graph)
    factories.share(graph, bob)
    for client, count in ((alice_api, 1), (bob_api, 1), (charlie_api, 0)):
        rows = client.get(f"/api/v1/{kind}/?graph={graph.pk}").json()["results"]
        assert [row["id"] for row in rows] == [found.pk] * count
    if kind in ("webhooks", "forms"):
        assert alice_api.get(f"/api/v1/{kind}/").json()["results"][0]["url"].startswith("http://testserver/")
        assert bob_api.get(f"/api/v1/{kind}/").json()["results"][0]["url"] is None


def test_a_schedule_is_made_changed_and_shows_its_next_times(graph: Graph, alice_api: APIClient) -> None:
    body = {"graph": graph.pk, "cron": "30 8 * * 1-5", "time_zone": "Europe/Berlin", "inputs": {"who": "Ada"}}
    answer = alice_api.post("/api/v1/schedules/", body)
    row = answer.json()
    assert answer.status_code == 201
    assert answer["Location"].endswith(f"/api/v1/schedules/{row['id']}/")
    assert (len(row["upcoming"]), row["missed"], row["owner"]["name"]) == (5, "once", "alice")
    assert {time[11:16] for time in row["upcoming"]} == {"08:30"}
    changed = alice_api.patch(f"/api/v1/schedules/{row['id']}/", {"cron": "0 9 * * *"}).json()
    assert {time[11:16] for time in changed["upcoming"]} == {"09:00"}
    assert changed["due_at"] != row["due_at"]


@pytest.mark.parametrize(
    ("kind", "body", "pointer"),
    [
        ("schedules", {"cron": "nonsense"}, "#/cron"),
        ("schedules", {"cron": "* * * * *", "time_zone": "Mars"}, "#/time_zone"),
        ("schedules", {"cron": "0 0 30 2 *"}, "#/cron"),
        ("schedules", {"cron": "* * * * *", "inputs": {"nobody": 1}}, "#/inputs/nobody"),
        ("schedules", {"cron": "* * * * *"}, "#/inputs/who"),
        ("schedules", {"cron": "* * * * *", "inputs": {"who": "A"}, "time_input": "nobody"}, "#/time_input"),
        ("schedules", {"cron": "* * * * *", "cronn": 1}, "#/cronn"),
        ("schedules", {}, "#/cron"),
        ("webhooks", {"mapping": {"who": "cookies.a"}}, "#/mapping/who"),
        ("webhooks", {"mapping": {"nobody": "body"}}, "#/mapping/nobody"),
        ("webhooks", {"signature": {"header": "X-Signature"}}, "#/credential"),
        ("webhooks", {"signature": {"header": "X Y"}}, "#/signature/header"),
        ("webhooks", {"signature": {}}, "#/signature/header"),
        ("webhooks", {"credential": "0199b9a0-0000-7000-8000-000000000000"}, "#/credential"),
        ("webhooks", {"answer_seconds": 61}, "#/answer_seconds"),
        ("webhooks", {"method": "TRACE"}, "#/method"),
        ("webhooks", {"most_bytes": 2_000_000_000}, "#/most_bytes"),
        ("forms", {"most_per_minute": 0}, "#/most_per_minute"),
        ("chains", {"source": 999_999}, "#/source"),
        ("chains", {}, "#/source"),
    ],
)
def test_a_mistake_is_explained_where_it_is(
    graph: Graph, alice_api: APIClient, kind: str, body: dict[str, Any], pointer: str
) -> None:
    answer = alice_api.post(f"/api/v1/{kind}/", {"graph": graph.pk, **body})
    assert answer.status_code in (400, 422)
    assert pointer in [problem["pointer"] for problem in answer.json()["errors"]]


@pytest.mark.parametrize("kind", KINDS)
def test_one_needs_to_edit_the_graph_to_make_a_trigger(
    kind: str, graph: Graph, bob_api: APIClient, bob: User, charlie_api: APIClient
) -> None:
    body = {"graph": graph.pk, "cron": "* * * * *", "source": graph.pk}
    body = {name: value for name, value in body.items() if name == "graph" or (kind, name) in OWN}
    assert charlie_api.post(f"/api/v1/{kind}/", body).status_code == 404
    factories.share(graph, bob, Role.RUNNER)
    assert bob_api.post(f"/api/v1/{kind}/", body).status_code == 403


OWN = {("schedules", "cron"), ("chains", "source")}


@pytest.mark.parametrize("kind", KINDS)
def test_of_a_deleted_graph_it_stays_with_its_owner(kind: str, graph: Graph, alice_api: APIClient) -> None:
    found = trigger(kind, graph)
    delete_graph(graph, by=graph.owner)
    row = alice_api.get(f"/api/v1/{kind}/{found.pk}/").json()
    assert row["graph"] == {"id": None, "name": "Graph"}
    assert row["pause_reason"] == "Its graph was deleted."
    assert alice_api.post(f"/api/v1/{kind}/{found.pk}/resume/").status_code == 422
    assert alice_api.post(f"/api/v1/{kind}/{found.pk}/test/", {}).status_code == 422
    assert alice_api.delete(f"/api/v1/{kind}/{found.pk}/").status_code == 204


def test_a_test_run_says_what_started_it(graph: Graph, alice_api: APIClient) -> None:
    found = made.webhook(graph)
    answer = alice_api.post(f"/api/v1/webhooks/{found.pk}/test/", {"inputs": {"who": "Ada"}}).json()
    run = Execution.objects.get(pk=answer["execution"])
    assert (run.trigger, run.inputs["who"]) == ("webhook", "Ada")
    assert run.idempotency_key.startswith(f"webhook:{found.pk}:test:")
    row = alice_api.get(f"/api/v1/executions/{run.pk}/").json()
    assert (row["trigger"], row["trigger_id"]) == ("webhook", found.pk)


def test_a_key_that_only_looks_like_a_trigger_names_none(graph: Graph, alice_api: APIClient) -> None:
    address = f"/api/v1/graphs/{graph.pk}/execute/"
    headers = {"Idempotency-Key": "webhook:1:x"}
    row = alice_api.post(address, {"inputs": {"who": "Ada"}}, headers=headers).json()
    assert (row["trigger"], row["trigger_id"]) == ("manual", None)


def test_deliveries_show_what_came(graph: Graph, alice_api: APIClient) -> None:
    found = made.webhook(graph)
    found.deliveries.create(status="started", code=202, body=b"\xffab", request={"method": "POST"})
    (row,) = alice_api.get(f"/api/v1/webhooks/{found.pk}/deliveries/").json()["results"]
    assert (row["body"], row["method"], row["status"]) == ("\ufffdab", "POST", "started")


def test_a_list_costs_as_many_queries_for_many_as_for_one(
    graph: Graph, alice_api: APIClient, django_assert_num_queries: Any, django_assert_max_num_queries: Any
) -> None:
    made.webhook(graph)
    with django_assert_max_num_queries(4):
        alice_api.get("/api/v1/webhooks/")
    for _ in range(5):
        made.webhook(graph)
    with django_assert_max_num_queries(4):
        alice_api.get("/api/v1/webhooks/")
