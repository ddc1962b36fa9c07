"""A credential goes to the hosts that it names and nowhere else."""

from collections.abc import AsyncIterator

import httpx
import pytest

from blocks.base import BlockError
from blocks.context import Secret
from blocks.hosts import headers_of, is_pattern, may_be_sent, pattern_of
from blocks.http import SafeHttpClient
from blocks.web import Request
from tests.blocks.context import FakeContext, run
from tests.blocks.servers import Server, redirect, resolver, response, serving


@pytest.mark.parametrize(
    ("pattern", "url", "wanted"),
    [
        ("api.example.com", "https://api.example.com/a", True),
        ("API.example.com", "https://Api.Example.com./a", True),
        ("api.example.com", "https://api.example.com:443/a", True),
        ("api.example.com", "http://api.example.com/a", False),
        ("api.example.com", "https://api.example.com:8443/a", False),
        ("api.example.com", "https://evil-api.example.com/", False),
        ("api.example.com", "https://api.example.com.evil.test/", False),
        ("api.example.com", "https://api.example.com@evil.test/", False),
        ("*.example.com", "https://a.b.example.com/", True),
        ("*.example.com", "https://example.com/", False),
        ("*.example.com", "https://evilexample.com/", False),
        ("*.example.com:8443", "https://a.example.com:8443/", True),
        ("http://localhost:11434", "http://localhost:11434/v1", True),
        ("http://localhost:11434", "https://localhost:11434/v1", False),
        ("[::1]:8443", "https://[::1]:8443/", True),
    ],
)
def test_pattern(pattern: str, url: str, wanted: bool):
    assert may_be_sent([pattern], httpx.URL(url)) is wanted


@pytest.mark.parametrize("text", ["", "*", "*.*", "a b", "api.example.com/v1", "https://", "a:99999", "user@host"])
def test_what_is_no_pattern(text: str):
    assert not is_pattern(text)


@pytest.mark.parametrize("url", ["https://api.example.com/v1", "http://localhost:11434/v1", "https://[::1]:9/"])
def test_pattern_of_an_address_matches_it(url: str):
    assert is_pattern(pattern_of(url))
    assert may_be_sent([pattern_of(url)], httpx.URL(url))


@pytest.mark.parametrize(
    ("kind", "fields", "headers"),
    [
        ("api_key", {"key": "k", "header": "X-Api-Key"}, {"X-Api-Key": "k"}),
        ("api_key", {"key": "k", "header": "authorization"}, {"authorization": "Bearer k"}),
        ("basic", {"user": "a", "password": "b"}, {"Authorization": "Basic YTpi"}),
        ("bearer", {"token": "t"}, {"Authorization": "Bearer t"}),
        ("oauth2", {"access_token": "t"}, {"Authorization": "Bearer t"}),
        ("headers", {"X-A": "1", "X-B": "2"}, {"X-A": "1", "X-B": "2"}),
    ],
)
def test_headers_by_kind(kind: str, fields: dict[str, str], headers: dict[str, str]):
    assert headers_of(Secret("id", kind, fields)) == headers


@pytest.fixture
async def servers() -> AsyncIterator[tuple[Server, Server, SafeHttpClient]]:
    """Two servers, and a client that finds each by any name of it."""
    names = ("one.test", "sub.one.test", "two.test")
    async with (
        serving() as one,
        serving() as two,
        SafeHttpClient(names, resolve=resolver({name: [["127.0.0.1"]] for name in names})) as client,
    ):
        yield one, two, client


def key_for(*hosts: str) -> Secret:
    return Secret("id", "api_key", {"key": "s3cret", "header": "X-Api-Key"}, hosts)


async def test_key_goes_to_its_host(servers: tuple[Server, Server, SafeHttpClient]):
    one, _, client = servers
    one.answers["/a"] = response(b"")
    secret = key_for(f"http://one.test:{one.port}")
    await client.request("GET", one.url("/a", "one.test"), headers={"x-api-key": "own"}, credential=secret)
    assert one.requests[0].headers["x-api-key"] == "s3cret"


async def test_other_host_is_refused_before_anything_is_sent(servers: tuple[Server, Server, SafeHttpClient]):
    one, two, client = servers
    with pytest.raises(BlockError, match="may only be sent to http://one.test") as caught:
        await client.request("GET", two.url("/a", "two.test"), credential=key_for(f"http://one.test:{one.port}"))
    assert not caught.value.retry
    assert two.requests == []


async def test_credential_without_hosts_goes_nowhere(servers: tuple[Server, Server, SafeHttpClient]):
    one, _, client = servers
    with pytest.raises(BlockError, match="names no hosts"):
        await client.request("GET", one.url("/a", "one.test"), credential=key_for())
    assert one.requests == []


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_redirect_to_another_host_does_not_take_it_along(
    status: int, servers: tuple[Server, Server, SafeHttpClient]
):
    one, two, client = servers
    one.answers["/a"] = redirect(two.url("/b", "two.test"), status)
    two.answers["/b"] = response(b"hello")
    answer = await client.request("GET", one.url("/a", "one.test"), credential=key_for(f"http://one.test:{one.port}"))
    assert answer.body == b"hello"
    assert "x-api-key" in one.requests[0].headers
    assert "x-api-key" not in two.requests[0].headers


async def test_redirect_to_the_same_machine_by_another_name_or_port_does_not_take_it_along(
    servers: tuple[Server, Server, SafeHttpClient],
):
    one, two, client = servers
    one.answers["/a"] = redirect(one.url("/b", "sub.one.test"))
    one.answers["/b"] = redirect(two.url("/c", "one.test"))
    two.answers["/c"] = response(b"")
    await client.request("GET", one.url("/a", "one.test"), credential=key_for(f"http://one.test:{one.port}"))
    assert ["x-api-key" in request.headers for request in (*one.requests, *two.requests)] == [True, False, False]


async def test_redirect_that_comes_back_has_it_again(servers: tuple[Server, Server, SafeHttpClient]):
    one, two, client = servers
    one.answers |= {"/a": redirect(two.url("/b", "two.test")), "/c": response(b"")}
    two.answers["/b"] = redirect(one.url("/c", "one.test"))
    await client.request("GET", one.url("/a", "one.test"), credential=key_for(f"http://one.test:{one.port}"))
    assert ["x-api-key" in request.headers for request in (*one.requests, *two.requests)] == [True, True, False]


async def test_web_request_hands_its_credential_to_the_client():
    secret = key_for("api.example.com")
    context = FakeContext(credentials={"id": secret})
    await run(Request, {"url": "https://api.example.com/text", "credential": "id"}, context)
    assert context.http.sent[0].credential is secret
