"""Who may call what: every route of the API for every kind of caller."""

from collections.abc import Iterator
from typing import Any, NamedTuple
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.urls import URLPattern, URLResolver, get_resolver
from rest_framework.test import APIClient

from agentflow.accounts.services import create_token
from agentflow.graphs import services
from agentflow.graphs.models import Graph, Role
from tests import factories

SPEC = {"name": "G", "nodes": [{"key": "a", "block": "core.value", "config": {"value": 1}}]}
ROLES = ["viewer", "runner", "editor", "owner"]
SCOPES = ["read", "run", "write"]


class Route(NamedTuple):
    """A call, what it needs, and what it is answered when the caller has that."""

    name: str
    method: str
    path: str
    #: Smallest role; empty when the route is not about one graph.
    role: str
    scope: str
    status: int
    body: Any = None


EDIT = {"edit_id": str(uuid4()), "operations": [{"op": "set_title", "key": "a", "title": "T"}]}
TOKEN = {"name": "Service", "kind": "bearer", "fields": {"token": "s3cret"}, "hosts": ["api.example.com"]}
ROUTES = [
    Route("block-list", "get", "blocks/", "", "read", 200),
    Route("block-detail", "get", "blocks/core.value/", "", "read", 200),
    Route("block-ports", "post", "blocks/core.value/ports/", "", "read", 200, {}),
    Route("graph-list", "get", "graphs/", "", "read", 200),
    Route("graph-list", "post", "graphs/", "", "write", 201, {"name": "New"}),
    Route("graph-import-spec", "post", "graphs/import/", "", "write", 201, SPEC),
    Route("graph-detail", "get", "graphs/{graph}/", "viewer", "read", 200),
    Route("graph-detail", "put", "graphs/{graph}/", "editor", "write", 200, {"spec": SPEC}),
    Route("graph-detail", "delete", "graphs/{graph}/", "owner", "write", 204),
    Route("graph-edits", "get", "graphs/{graph}/edits/", "viewer", "read", 200),
    Route("graph-edits", "post", "graphs/{graph}/edits/", "editor", "write", 200, EDIT),
    Route("graph-validate", "post", "graphs/{graph}/validate/", "viewer", "read", 200, {}),
    Route("graph-export", "get", "graphs/{graph}/export/", "viewer", "read", 200),
    Route("graph-interface", "get", "graphs/{graph}/interface/", "viewer", "read", 200),
    Route("graph-versions", "get", "graphs/{graph}/versions/", "viewer", "read", 200),
    Route("graph-version", "get", "graphs/{graph}/versions/1/", "viewer", "read", 200),
    Route("graph-publish", "post", "graphs/{graph}/publish/", "editor", "write", 200, {"version": 1}),
    Route("graph-publish", "delete", "graphs/{graph}/publish/", "editor", "write", 204),
    Route("api-watch", "get", "notifications/watches/{graph}/", "viewer", "read", 200),
    Route("api-watch", "put", "notifications/watches/{graph}/", "editor", "write", 200, {"silent_minutes": 9}),
    Route("credential-list", "get", "credentials/", "", "read", 200),
    Route("credential-list", "post", "credentials/", "", "write", 201, TOKEN),
    Route("token-list", "get", "tokens/", "", "read", 200),
    Route("status", "get", "status/", "", "read", 200),
    Route("usage-api", "get", "usage/", "", "read", 200),
    Route("budget-list", "get", "budgets/", "", "read", 200),
]
#: Routes with rules of their own, tested beside what they do.
ELSEWHERE = {
    "token-list": "tests/accounts/test_tokens.py: only a session makes tokens",
    "token-detail": "tests/accounts/test_tokens.py: everybody has their own",
    "budget-detail": "tests/costs/test_usage.py: who owns the graph removes it",
    "api-channel-list": "tests/notifications/test_api.py: everybody has their own, as with the rest of these",
    **dict.fromkeys(("api-channel-detail", "api-channel-test", "api-channel-deliveries"), "the same"),
    **dict.fromkeys(("api-notification-list", "api-notification-unread", "api-notification-read"), "the same"),
    **dict.fromkeys(("api-rule-list", "api-rule-detail"), "the same"),
    **dict.fromkeys(
        ("api-hook-list", "api-hook-detail", "api-hook-secret", "api-hook-test", "api-hook-calls", "api-hook-repeat"),
        "the same",
    ),
    "credential-detail": "tests/credentials/test_api.py: each role and strangers",
    "credential-test": "tests/credentials/test_api.py: strangers, and what is reached",
    "schema": "open to everybody: it says nothing about this installation",
}
#: Names of routes that belong to runs; tests/executions tests them.
OF_EXECUTIONS = ("execution", "graph-execute", "approval")
#: Names of routes that belong to triggers; tests/triggers/test_api.py has a table of its own.
OF_TRIGGERS = ("schedule", "webhook", "hosted-form", "chain")

every_route = pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")


@pytest.fixture
def graph(alice: User) -> Graph:
    """Alice's, with a version."""
    graph = services.import_graph(SPEC, owner=alice)
    services.version_for_run(graph, alice)
    return graph


def call(client: APIClient, route: Route, graph: Graph) -> int:
    send = getattr(client, route.method)
    path = "/api/v1/" + route.path.format(graph=graph.pk)
    return int(send(path, route.body, headers={"If-Match": "*"}).status_code)


@every_route
@pytest.mark.parametrize("role", ROLES)
def test_a_role_may_do_what_it_is_for(alice: User, bob: User, graph: Graph, route: Route, role: str) -> None:
    client = APIClient()
    client.force_authenticate(alice if role == "owner" else bob)
    if role != "owner":
        factories.share(graph, bob, Role(role))
    enough = not route.role or ROLES.index(role) >= ROLES.index(route.role)
    assert call(client, route, graph) == (route.status if enough else 403)


@every_route
def test_a_stranger_finds_nothing(charlie_api: APIClient, graph: Graph, route: Route) -> None:
    assert call(charlie_api, route, graph) == (404 if route.role else route.status)


@every_route
def test_nobody_is_asked_to_log_in(api: APIClient, graph: Graph, route: Route) -> None:
    assert call(api, route, graph) == 401


@every_route
@pytest.mark.parametrize("scope", SCOPES)
def test_a_token_may_do_what_its_scope_says(alice: User, graph: Graph, route: Route, scope: str) -> None:
    client = APIClient(headers={"Authorization": f"Bearer {create_token(user=alice, name='t', scope=scope)[1]}"})
    enough = SCOPES.index(scope) >= SCOPES.index(route.scope)
    assert call(client, route, graph) == (route.status if enough else 403)


def test_every_route_is_in_the_table() -> None:
    known = {route.name for route in ROUTES} | ELSEWHERE.keys()
    named = {name for name in routes(get_resolver(), "") if not name.startswith((*OF_EXECUTIONS, *OF_TRIGGERS))}
    assert named == known


def routes(resolver: URLResolver, prefix: str) -> Iterator[str]:
    """Names of every route under /api/v1/."""
    for pattern in resolver.url_patterns:
        path = prefix + str(pattern.pattern)
        if isinstance(pattern, URLPattern) and path.startswith("api/v1/"):
            yield pattern.name or path
        elif isinstance(pattern, URLResolver):
            yield from routes(pattern, path)
