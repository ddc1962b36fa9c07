"""What a hostile or broken client sends is answered with a problem, never with a server error."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from rest_framework.test import APIClient

from tests import factories

DEEP = b'{"spec": ' + b"[" * 900 + b"]" * 900 + b"}"
DEEPER = b"[" * 100_000
BODIES: list[bytes] = [
    b"",
    b"null",
    b"[]",
    b"3",
    b'"text"',
    b"true",
    b"{",
    b"NaN",
    b"\xff\xfe",
    b'{"name": "\\u0000"}',
    b'{"name": "\\ud800"}',
    b'{"name": 1e400}',
    b'{"name": {}}',
    b'{"spec": {"nodes": [{"key": "a", "block": "b", "config": {"x": 123456789012345678901234567890}}]}}',
    b'{"spec": {"nodes": {}}}',
    b'{"edit_id": "00000000-0000-0000-0000-000000000000", "operations": [[]]}',
    b'{"edit_id": 5, "operations": null}',
    b'{"version": 1e300}',
    b'{"version": 99999999999}',
    b'{"version": true}',
    b'{"config": {"\\u0000": 1}}',
    b'{"config": []}',
    DEEP,
    DEEPER,
]
ADDRESSES = [
    ("post", "graphs/"),
    ("post", "graphs/import/"),
    ("put", "graphs/{id}/"),
    ("post", "graphs/{id}/edits/"),
    ("post", "graphs/{id}/validate/"),
    ("post", "graphs/{id}/publish/"),
    ("post", "blocks/core.value/ports/"),
    ("post", "tokens/"),
]


@pytest.mark.parametrize("body", BODIES, ids=range(len(BODIES)))
@pytest.mark.parametrize(("method", "address"), ADDRESSES, ids=lambda value: str(value))
def test_a_bad_body_is_no_server_error(
    alice_api: APIClient, alice: User, method: str, address: str, body: bytes
) -> None:
    graph = factories.graph(alice, "a")
    send: Any = getattr(alice_api, method)
    path = "/api/v1/" + address.format(id=graph.pk)
    answer = send(path, body, content_type="application/json", headers={"If-Match": "*"})
    assert answer.status_code < 500
    assert answer.status_code < 400 or answer["Content-Type"] == "application/problem+json"


def test_a_huge_body_is_refused_before_it_is_read(alice_api: APIClient, settings: Any) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1_000
    answer = alice_api.post("/api/v1/graphs/", b'"' + b"x" * 2_000 + b'"', content_type="application/json")
    assert answer.status_code == 413


def test_another_media_type_is_refused(alice_api: APIClient) -> None:
    answer = alice_api.post("/api/v1/graphs/", b"name=x", content_type="application/x-www-form-urlencoded")
    assert (answer.status_code, answer["Content-Type"]) == (415, "application/problem+json")


def test_an_unknown_address_is_a_problem(alice_api: APIClient) -> None:
    answer = alice_api.get("/api/v1/nothing/")
    assert (answer.status_code, answer["Content-Type"], answer.json()["title"]) == (
        404,
        "application/problem+json",
        "Not Found",
    )


def test_an_unknown_page_is_a_page(client: Any, db: None) -> None:
    answer = client.get("/nothing/")
    assert (answer.status_code, answer["Content-Type"]) == (404, "text/html; charset=utf-8")


def test_a_bug_is_a_problem_too(alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    from agentflow.graphs.api import blocks

    def fail() -> None:
        raise RuntimeError("bug")

    monkeypatch.setattr(blocks, "registry", fail)
    client = APIClient(raise_request_exception=False)
    client.force_authenticate(alice)
    answer = client.get("/api/v1/blocks/")
    assert (answer.status_code, answer["Content-Type"]) == (500, "application/problem+json")
    assert "bug" not in answer.content.decode()


@pytest.mark.parametrize(
    "query",
    [
        "name=%00",
        "cursor=%00",
        "cursor=abc",
        "cursor=cD1hYmM=",  # p=abc
        "cursor=cD0AMQ==",  # a null character
        "cursor=cD05OTk5OTk5OTk5OTk5OTk5OTk5OTk5",
        "page_size=-5",
        "page_size=9e9",
    ],
)
def test_a_bad_query_is_no_server_error(alice_api: APIClient, query: str) -> None:
    assert alice_api.get(f"/api/v1/graphs/?{query}").status_code < 500


def test_a_made_up_cursor_finds_nothing(alice_api: APIClient) -> None:
    assert alice_api.get("/api/v1/tokens/?cursor=cD1hYmM=").status_code == 404
