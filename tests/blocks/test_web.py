"""What a request sends, and how an answer is read and sorted."""

from typing import Any

import pytest

from blocks.base import BlockError
from blocks.web import Request
from tests.blocks.context import FakeContext, FakeHttp, answer, run

URL = "https://api.example.com/a"


async def asked(**values: Any) -> Any:
    """The request that reached the server."""
    context = FakeContext()
    await run(Request, {"url": URL, **values}, context)
    return context.http.sent[0]


async def answered(body: bytes, kind: str, *, status: int = 200, **values: Any) -> tuple[dict[str, Any], FakeContext]:
    context = FakeContext(http=FakeHttp({URL: answer(body, kind=kind, status=status)}))
    return await run(Request, {"url": URL, **values}, context), context


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
async def test_what_may_change_something_carries_the_key(method: str) -> None:
    assert (await asked(method=method)).headers["Idempotency-Key"] == FakeContext().idempotency_key


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_what_only_reads_carries_no_key(method: str) -> None:
    assert "Idempotency-Key" not in (await asked(method=method)).headers


async def test_a_key_of_the_graph_is_kept() -> None:
    sent = await asked(method="POST", headers={"idempotency-key": "mine"})
    assert sent.headers == {"idempotency-key": "mine"}


@pytest.mark.parametrize(
    ("body", "headers", "kind", "content"),
    [
        ({"a": 1}, {}, "application/json", b'{"a":1}'),
        ([1], {}, "application/json", b"[1]"),
        (0, {}, "application/json", b"0"),
        (False, {}, "application/json", b"false"),
        ("é", {}, "text/plain; charset=utf-8", "é".encode()),
        ("<a/>", {"content-type": "application/xml"}, None, b"<a/>"),
        ({"a": "b c", "n": 1}, {"Content-Type": "application/x-www-form-urlencoded"}, None, b"a=b+c&n=1"),
        (None, {}, None, None),
    ],
)
async def test_a_body_is_sent_by_its_type(body: Any, headers: dict[str, str], kind: str | None, content: Any) -> None:
    sent = await asked(method="POST", body=body, headers=headers)
    assert sent.content == content
    assert sent.headers.get("Content-Type", None if not headers or "content-type" in headers else kind) == (
        kind or headers.get("Content-Type")
    )


async def test_query_and_headers_are_sent_as_text() -> None:
    sent = await asked(query={"n": 1, "s": "x"}, headers={"X-N": 5}, timeout_seconds=2.5)
    assert (sent.params, sent.headers["X-N"], sent.timeout_seconds) == ({"n": "1", "s": "x"}, "5", 2.5)


@pytest.mark.parametrize(
    ("body", "kind", "value"),
    [
        (b'{"a": 1}', "application/json", {"a": 1}),
        (b"[1]", "application/problem+json; charset=utf-8", [1]),
        (b"", "application/json", None),
        (b"", "text/plain", ""),
        ("é".encode("latin-1"), "text/plain; charset=iso-8859-1", "é"),
        ("é".encode(), "text/html", "é"),
        (b"<a/>", "application/xml", "<a/>"),
        (b"x", "text/plain; charset=nonsense", "x"),
        (b"x", "", "x"),
        (b"\x89PNG\xff", "image/png", "iVBOR/8="),
        (b"plain", "application/octet-stream", "plain"),
    ],
)
async def test_an_answer_is_read_by_its_type(body: bytes, kind: str, value: Any) -> None:
    outputs, _ = await answered(body, kind)
    assert outputs["body"] == value
    assert outputs["response"]["body"] == value


@pytest.mark.parametrize("body", [b"<html>", b'{"a": NaN}', b'{"a": 123456789012345678901}'])
async def test_json_that_is_none_is_given_as_text_and_logged(body: bytes) -> None:
    outputs, context = await answered(body, "application/json")
    assert outputs["body"] == body.decode()
    assert context.logs[0][0] == "warning"


@pytest.mark.parametrize(
    ("status", "ports"),
    [
        (200, {"response", "body"}),
        (204, {"response", "body"}),
        (304, {"response", "body"}),
        (400, {"client_error"}),
        (429, {"client_error"}),
        (500, {"server_error"}),
        (599, {"server_error"}),
    ],
)
async def test_the_status_chooses_the_port(status: int, ports: set[str]) -> None:
    outputs, _ = await answered(b"x", "text/plain", status=status)
    assert outputs.keys() == ports
    assert next(iter(outputs.values()))["status"] == status


@pytest.mark.parametrize(
    ("status", "retry"), [(400, False), (404, False), (408, True), (425, True), (429, True), (500, True), (503, True)]
)
async def test_a_failing_answer_says_whether_to_retry(status: int, *, retry: bool) -> None:
    with pytest.raises(BlockError, match=f"answered {status}: no luck") as caught:
        await answered(b"no\nluck", "text/plain", status=status, error_answers="fail")
    assert caught.value.retry is retry
