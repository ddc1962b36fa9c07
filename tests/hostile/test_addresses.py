"""Every address of the product under names, numbers and queries that nobody should send."""

import re
from collections.abc import Iterator
from copy import deepcopy
from typing import Any
from uuid import uuid4

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth.models import Group, User
from django.db import transaction
from django.test import AsyncClient
from django.urls import URLPattern, URLResolver, get_resolver
from hypothesis import given, note
from hypothesis import strategies as st

from agentflow.accounts.services import create_token
from agentflow.credentials.services import make_credential
from agentflow.graphs import services
from executions.models import Approval, Execution, NodeExecution, Output
from tests import factories
from tests.api.test_graphs import SPEC
from tests.hostile.bad import quoted, settled, texts
from tests.tracebacks import Tracebacks

pytestmark = pytest.mark.redis

METHODS = ["GET", "GET", "GET", "HEAD", "OPTIONS", "POST", "POST", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND"]
#: What pages, API and admin read of an address.
PARAMETERS = [
    *("q", "p", "o", "e", "all", "page", "page_size", "cursor", "name", "since", "limit", "after", "before"),
    *("status", "graph", "batch", "show", "trigger", "parent", "retry_of", "execution", "version", "format"),
    *("next", "state", "created", "kind__exact", "_popup", "_to_field", "_changelist_filters", "id__in", "pk"),
    *("owner__id__exact", "is_staff__exact", "groups__id__exact", "join__exact", "password__startswith"),
    *("app_label", "model_name", "field_name", "term", "desc", "queue", "scope__exact", "updated_at__year"),
]
#: What forms are made of.
FIELDS = [
    *("name", "file", "payload", "decision", "comment", "username", "password", "next", "first_name", "email"),
    *("scope", "days", "action", "_selected_action", "select_across", "index", "job_ids", "post", "_save"),
    *("choice", "from", "to", "repeat_once", "confirm", "description", "owner", "key", "block", "config"),
    *("nodes-TOTAL_FORMS", "nodes-INITIAL_FORMS", "nodes-0-id", "shares-TOTAL_FORMS", "shares-INITIAL_FORMS"),
    *("shares-0-group", "old_password", "new_password1", "usable_password", "_confirm_retry", "limits"),
]
HEADERS = [
    *("Accept", "Accept-Language", "Accept-Encoding", "Authorization", "Cookie", "Host", "If-Match", "If-None-Match"),
    *("If-Modified-Since", "Idempotency-Key", "Last-Event-ID", "Origin", "Range", "Referer", "X-Forwarded-For"),
    *("X-Forwarded-Host", "X-Forwarded-Proto", "X-HTTP-Method-Override", "X-Requested-With", "X-CSRFToken"),
]
TYPES = [
    "application/json",
    "application/x-www-form-urlencoded",
    "application/x-www-form-urlencoded; charset=hex",
    "multipart/form-data",
    "multipart/form-data; boundary=x",
    "multipart/form-data; boundary=x; charset=rot13",
    "text/plain; charset=nothing",
    "text/event-stream",
    "*/*",
    ";;;",
    "",
    "a" * 1_000,
]
BODIES = [b"", b"{}", b"[]", b"null", b"\xff\xfe\x00", b"--x\r\n\r\n", b"a=%00&b=%ff", b"{" * 5_000]


def routes(resolver: URLResolver, prefix: str = "/") -> Iterator[str]:
    for pattern in resolver.url_patterns:
        route = prefix + str(pattern.pattern).strip("^$")
        if isinstance(pattern, URLResolver):
            yield from routes(pattern, route)
        elif isinstance(pattern, URLPattern):
            yield route


ROUTES = sorted({route for route in routes(get_resolver()) if "/django_rq/dashboard/" not in route})


@pytest.fixture
def known(alice: User, admin: User) -> dict[str, Any]:
    """Something for every kind of id."""
    graph = services.import_graph(SPEC, owner=alice)
    services.publish(graph, user=alice)
    factories.share(graph, admin)
    token, _ = create_token(user=alice, name="t")
    credential = make_credential(owner=alice, kind="bearer", name="Service", fields={"token": "s3cret"})
    run = Execution.objects.create(graph=graph, version=graph.versions.get(), owner=alice)
    row = NodeExecution.objects.create(id=uuid4(), execution=run, node="a", block="core.value", status="running", seq=1)
    asked = Approval.objects.create(execution=run, node_execution=row, kind="approval", payload={"sum": 1})
    Output.objects.create(execution=run, node_execution=row, seq=2, index=0, port="value", value={"x": 1})
    return {
        "graphs": graph.pk,
        "graph": graph.pk,
        "executions": run.pk,
        "execution": run.pk,
        "nodes": row.pk,
        "nodeexecution": row.pk,
        "approvals": asked.pk,
        "approval": asked.pk,
        "tokens": token.pk,
        "apitoken": token.pk,
        "credentials": credential.pk,
        "credential": credential.pk,
        "blocks": "logic.switch",
        "versions": 1,
        "outputs": 0,
        "queues": 0,
        "graphversion": graph.versions.get().pk,
        "node": graph.nodes.values_list("pk", flat=True)[0],
        "graphshare": graph.shares.get().pk,
        "group": Group.objects.get().pk,
        "user": alice.pk,
    }


@pytest.fixture
def clients(alice: User, admin: User) -> list[AsyncClient]:
    found = []
    for user in (admin, alice, None):
        client = AsyncClient(raise_request_exception=False)
        if user:
            client.force_login(user)
        found.append(client)
    return found


def header_texts(text: str) -> str:
    """As a server hands it on: one line of latin-1."""
    return text.encode("utf-8", "surrogatepass").decode("latin-1").translate(dict.fromkeys([0, 10, 13], " "))[:8_000]


pairs = st.lists(st.tuples(st.sampled_from(PARAMETERS) | texts, texts), max_size=3)
forms = st.lists(st.tuples(st.sampled_from(FIELDS) | texts, texts), max_size=6)
headers = st.dictionaries(st.sampled_from(HEADERS), texts.map(header_texts), max_size=2)


@st.composite
def bodies(draw: st.DrawFn) -> tuple[str, bytes]:
    kind = draw(st.sampled_from(["form", "form", "multipart", "file", "any"]))
    if kind == "any":
        return draw(st.sampled_from(TYPES)), draw(st.sampled_from(BODIES) | st.binary(max_size=50))
    pairs = draw(forms)
    if kind == "form":
        body = "&".join(f"{quoted(name)}={quoted(value)}" for name, value in pairs)
        return "application/x-www-form-urlencoded", body.encode()
    part = b"--x\r\nContent-Disposition: form-data; name=%s%s\r\n\r\n%s\r\n"
    parts = []
    for name, value in pairs:
        filename = b'; filename="%s"' % draw(texts).encode("utf-8", "surrogatepass") if kind == "file" else b""
        raw = [text.encode("utf-8", "surrogatepass") for text in (name, value)]
        parts.append(part % (b'"' + raw[0] + b'"', filename, raw[1]))
    return "multipart/form-data; boundary=x", b"".join(parts) + b"--x--\r\n"


@st.composite
def requests(draw: st.DrawFn, route: str, known: dict[str, Any]) -> dict[str, Any]:
    """What `AsyncClient.generic` takes."""

    def filled(match: re.Match[str]) -> str:
        before = route[: match.start()].rstrip("/").rsplit("/", 1)[-1]
        is_known = before in known and draw(st.integers(0, 9)) > 2
        return quoted(str(known[before]) if is_known else draw(texts))

    path = re.sub(r"<[^>]+>|\(\?P<.*", filled, route)
    query = "&".join(f"{quoted(name)}={quoted(value)}" for name, value in draw(pairs))
    content_type, body = draw(bodies())
    return {
        "method": draw(st.sampled_from(METHODS)),
        "path": f"{path}?{query}",
        "data": body,
        "content_type": content_type,
        "headers": draw(headers),
    }


@async_to_sync
async def sent(client: AsyncClient, request: dict[str, Any]) -> Any:
    return await client.generic(**request)


def answered(client: AsyncClient, request: dict[str, Any]) -> Any:
    """The answer; what it changed is taken back."""
    cookies = deepcopy(client.cookies)
    with transaction.atomic():
        try:
            return sent(client, request)
        finally:
            transaction.set_rollback(True)
            client.cookies = cookies


@given(data=st.data())
@settled(400)
def test_no_request_breaks_a_page(
    known: dict[str, Any],
    clients: list[AsyncClient],
    tracebacks: Tracebacks,
    unthrottled: None,
    redis_url: str,
    data: st.DataObject,
) -> None:
    route = data.draw(st.sampled_from(ROUTES))
    client, request = data.draw(st.sampled_from(clients)), data.draw(requests(route, known))
    answer = answered(client, request)
    note(str(answer.status_code))
    tracebacks.refuse()
    assert answer.status_code < 500
    if route.startswith("/api/") and answer.status_code >= 400 and request["method"] != "HEAD":
        assert answer["Content-Type"] == "application/problem+json"
