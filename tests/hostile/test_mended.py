"""What hostile requests once broke, one test each."""

import json
import logging
from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from rest_framework.test import APIClient

from agentflow.decoding import read_json
from agentflow.encoding import dump
from agentflow.graphs.models import Graph
from agentflow.logs.mistakes import ClientMistakes
from tests import factories
from tests.hostile.bad import nested
from tests.tracebacks import Tracebacks

WIDE = 2**64


@pytest.fixture
def visitor(client: Client, alice: User) -> Client:
    client.force_login(alice)
    return client


@pytest.mark.parametrize("address", ["/graphs/?q=a%00", "/executions/?before=%00", "/approvals/%00/", "/nothing%00/"])
def test_a_null_character_in_an_address_is_a_bad_request(visitor: Client, tracebacks: Tracebacks, address: str) -> None:
    answer = visitor.get(address)
    assert answer.status_code == 400
    assert "Nothing was changed" in answer.content.decode()


def test_a_null_character_in_an_address_of_the_api_is_a_problem(alice_api: APIClient) -> None:
    answer = alice_api.get("/api/v1/graphs/?name=%00")
    assert (answer.status_code, answer["Content-Type"]) == (400, "application/problem+json")
    assert "null character" in answer.json()["detail"]


@pytest.mark.parametrize("name", ["sessionid", "csrftoken", "messages"])
def test_a_null_character_in_a_cookie_is_a_bad_request(
    client: Client, db: None, tracebacks: Tracebacks, name: str
) -> None:
    assert client.get("/graphs/", headers={"Cookie": rf'{name}="abcdefgh\000"'}).status_code == 400


@pytest.mark.parametrize("page", ["executions", "approvals"])
@pytest.mark.parametrize("graph", ["9" * 5_000, "9" * 30, "²", "-1"], ids=["long", "large", "superscript", "negative"])
def test_a_graph_that_no_address_can_name_is_no_server_error(
    visitor: Client, tracebacks: Tracebacks, page: str, graph: str
) -> None:
    assert visitor.get(f"/{page}/", {"graph": graph}).status_code in (200, 404)


@pytest.mark.parametrize("name", ["a\0b", "a\nb", "x" * 201], ids=["null", "line", "long"])
def test_a_graph_with_an_impossible_name_is_not_made(visitor: Client, name: str) -> None:
    assert visitor.post("/graphs/new/", {"name": name}, follow=True).status_code == 200
    assert not Graph.objects.exists()


@pytest.mark.parametrize(
    "content",
    [rb'{"\ud800": 1}', b'{"name": NaN}', b"[" * 100_000, b'{"a": ' + b"9" * 5_000 + b"}", b"\xff"],
    ids=["surrogate", "nan", "deep", "digits", "bytes"],
)
def test_a_hostile_file_is_explained(visitor: Client, tracebacks: Tracebacks, content: bytes) -> None:
    answer = visitor.post("/graphs/import/", {"file": SimpleUploadedFile("g.json", content)}, follow=True)
    assert "g.json" in answer.content.decode()
    assert not Graph.objects.exists()


def test_a_file_may_start_with_a_byte_order_mark(visitor: Client) -> None:
    visitor.post("/graphs/import/", {"file": SimpleUploadedFile("g.json", b'\xef\xbb\xbf{"name": "Marked"}')})
    assert Graph.objects.get().name == "Marked"


def test_a_whole_number_of_a_request_is_never_rounded() -> None:
    assert read_json(b"[%d, %d, 1e20]" % (WIDE, -WIDE)) == [WIDE, -WIDE, 1e20]
    assert type(read_json(b"%d" % WIDE)) is int


def test_a_whole_number_that_cannot_be_stored_is_pointed_at(alice_api: APIClient) -> None:
    spec = {"nodes": [{"key": "a", "block": "core.value", "config": {"value": WIDE}}]}
    answer = alice_api.post("/api/v1/graphs/import/", str(spec).replace("'", '"'), content_type="application/json")
    assert answer.json()["errors"] == [
        {"pointer": "#/nodes/0/config/value", "detail": "Whole numbers must fit into 64 bits."}
    ]


@pytest.mark.parametrize("levels", [255, 900, 100_000])
def test_a_body_that_is_too_deep_is_a_problem(alice_api: APIClient, alice: User, levels: int) -> None:
    body = b'{"inputs": {"x": ' + b"[" * levels + b"]" * levels + b"}}"
    address = f"/api/v1/graphs/{factories.graph(alice, 'a').pk}/execute/"
    answer = alice_api.post(address, body, content_type="application/json")
    assert (answer.status_code, answer["Content-Type"]) == (400, "application/problem+json")


def test_a_pointer_to_a_member_with_a_slash_is_escaped(alice_api: APIClient, alice: User) -> None:
    address = f"/api/v1/graphs/{factories.graph(alice, 'a').pk}/execute/"
    assert alice_api.post(address, {"a/b~c": 1}).json()["errors"][0]["pointer"] == "#/a~1b~0c"


@pytest.mark.parametrize("value", [WIDE, nested(253)], ids=["wide", "deep"])
def test_what_orjson_refuses_is_written_all_the_same(value: Any) -> None:
    at = datetime(2026, 1, 2, tzinfo=UTC)
    assert json.loads(dump({"value": value, "at": at})) == {"value": value, "at": "2026-01-02T00:00:00Z"}


@pytest.mark.parametrize(
    "address",
    [
        "/admin/auth/user/1/change/?_to_field=",
        "/admin/django-rq/queues/0/no.such:job/",
        "/admin/django-rq/queues/0/none/delete/",
        "/admin/django-rq/stats.json/²/",
        "/admin/django-rq/schedulers/0/",
    ],
)
@pytest.mark.redis
def test_an_admin_page_of_what_is_not_there_is_not_found(
    admin_client: Client, tracebacks: Tracebacks, redis_url: str, address: str
) -> None:
    assert admin_client.get(address).status_code in (200, 404)
    assert Client().get(address).status_code in (302, 404)


def test_a_mistake_of_a_client_is_one_line_of_the_log(client: Client, db: None) -> None:
    (console,) = [
        each for each in logging.getLogger().handlers if any(isinstance(f, ClientMistakes) for f in each.filters)
    ]
    told: list[logging.LogRecord] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(console, "emit", told.append)
        assert client.get("/", headers={"Host": "evil.example"}).status_code == 400
    assert [(record.levelname, record.exc_info) for record in told] == [("WARNING", None)] * len(told)
    assert any("evil.example" in record.getMessage() for record in told)


def test_a_page_that_was_open_for_too_long_says_so(alice: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(alice)
    answer = client.post("/graphs/new/", {"name": "x"})
    assert answer.status_code == 403
    assert "load the page again" in answer.content.decode()
