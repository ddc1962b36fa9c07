"""The HTTP client reaches what it may, nothing else, and always comes to an end."""

import asyncio
import gzip
from collections.abc import AsyncIterator

import pytest

from blocks.base import BlockError
from blocks.http import MAX_REDIRECTS, CarefulClient, SafeHttpClient
from tests.blocks.servers import CERTIFICATE, Server, redirect, resolver, response, serving, tls


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    async with serving() as server:
        yield server


@pytest.fixture
async def client() -> AsyncIterator[SafeHttpClient]:
    """Finds `allowed.test` on this machine and may reach it; `inside.test` is there too but not allowed."""
    resolve = resolver({"allowed.test": [["127.0.0.1"]], "inside.test": [["127.0.0.1"]], "10.0.0.1": [["10.0.0.1"]]})
    async with SafeHttpClient(["allowed.test"], resolve=resolve, max_bytes=100_000) as client:
        yield client


async def test_an_answer_has_status_headers_body_and_url(server: Server, client: SafeHttpClient) -> None:
    server.answers["/a"] = response(b"hello", status=201, X_Count="3")
    answer = await client.request("GET", server.url("/a?b=1"), params={"c": "2"}, headers={"X-Key": "k"})
    assert (answer.status, answer.body, answer.headers["x-count"]) == (201, b"hello", "3")
    assert answer.url == server.url("/a?b=1&c=2")
    assert server.requests[0].line == "GET /a?b=1&c=2 HTTP/1.1"
    assert server.requests[0].headers["x-key"] == "k"
    assert server.requests[0].headers["host"] == f"allowed.test:{server.port}", "the name, not the address"


async def test_a_body_is_sent(server: Server, client: SafeHttpClient) -> None:
    server.answers["/a"] = response(b"")
    await client.request("POST", server.url("/a"), content=b"data")
    assert server.requests[0].body == b"data"


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost",
        "127.1",
        "0x7f000001",
        "2130706433",
        "0177.0.0.1",
        "0",
        "0.0.0.0",  # noqa: S104 - refused, not bound
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[64:ff9b::7f00:1]",
        "127.0.0.1.",
        "①②⑦.⓪.⓪.①",
    ],
)
async def test_this_machine_is_refused_however_it_is_written(server: Server, host: str) -> None:
    async with SafeHttpClient() as client:
        with pytest.raises(BlockError) as caught:
            await client.request("GET", server.url("/a", host))
    assert not caught.value.retry or "not known" in caught.value.message
    assert server.requests == []


@pytest.mark.parametrize(
    "address", ["10.1.2.3", "169.254.169.254", "192.168.0.1", "[fe80::1]", "[fd00::1]", "224.0.0.1"]
)
async def test_private_addresses_are_refused(address: str) -> None:
    async with SafeHttpClient() as client:
        with pytest.raises(BlockError, match="private addresses") as caught:
            await client.request("GET", f"http://{address}/latest/meta-data/")
    assert not caught.value.retry


async def test_a_name_that_leads_inside_is_refused(server: Server, client: SafeHttpClient) -> None:
    with pytest.raises(BlockError, match=f"AGENTFLOW_HTTP_ALLOW=inside.test:{server.port}"):
        await client.request("GET", server.url("/a", "inside.test"))
    assert server.requests == []


async def test_a_name_is_looked_up_once_and_the_checked_address_is_used(server: Server) -> None:
    """A name that answers with an allowed address first and a private one later must not get through."""
    server.answers["/a"] = response(b"")
    resolve = resolver({"rebind.test": [["127.0.0.1"], ["10.0.0.1"]]})
    async with SafeHttpClient([f"127.0.0.1:{server.port}"], resolve=resolve) as client:
        assert (await client.request("GET", server.url("/a", "rebind.test"))).status == 200
    resolve = resolver({"rebind.test": [["10.0.0.1"], ["127.0.0.1"]]})
    async with SafeHttpClient([f"127.0.0.1:{server.port}"], resolve=resolve) as client:
        with pytest.raises(BlockError, match="private addresses"):
            await client.request("GET", server.url("/a", "rebind.test"))


async def test_private_answers_among_allowed_ones_are_left_out(server: Server) -> None:
    server.answers["/a"] = response(b"ok")
    resolve = resolver({"mixed.test": [["10.0.0.1", "127.0.0.1"]]})
    async with SafeHttpClient([f"127.0.0.1:{server.port}"], resolve=resolve) as client:
        assert (await client.request("GET", server.url("/a", "mixed.test"))).body == b"ok"


async def test_redirects_are_followed(server: Server, client: SafeHttpClient) -> None:
    server.answers |= {"/a": redirect("/b", 307), "/b": response(b"there")}
    answer = await client.request("POST", server.url("/a"), content=b"data")
    assert (answer.body, answer.url) == (b"there", server.url("/b"))
    assert server.requests[1].body == b"data", "307 repeats the request as it was"


@pytest.mark.parametrize("location", ["http://inside.test:{port}/b", "http://10.0.0.1/", "http://127.0.0.1:{port}/b"])
async def test_redirects_inside_are_refused(server: Server, location: str) -> None:
    server.answers["/a"] = redirect(location.format(port=server.port))
    resolve = resolver(
        {name: [[address]] for name, address in {"allowed.test": "127.0.0.1", "inside.test": "127.0.0.1"}.items()}
        | {"10.0.0.1": [["10.0.0.1"]], "127.0.0.1": [["127.0.0.1"]]}
    )
    async with SafeHttpClient(["allowed.test"], resolve=resolve) as client:
        with pytest.raises(BlockError, match="private addresses"):
            await client.request("GET", server.url("/a"))
    assert len(server.requests) == 1


@pytest.mark.parametrize("location", ["file:///etc/passwd", "ftp://allowed.test/", "gopher://allowed.test/"])
async def test_redirects_to_other_schemes_are_refused(server: Server, client: SafeHttpClient, location: str) -> None:
    server.answers["/a"] = redirect(location)
    with pytest.raises(BlockError, match="http:// or https://"):
        await client.request("GET", server.url("/a"))


async def test_endless_redirects_end(server: Server, client: SafeHttpClient) -> None:
    server.answers["/a"] = redirect("/a")
    with pytest.raises(BlockError, match=f"more than {MAX_REDIRECTS} times"):
        await client.request("GET", server.url("/a"))
    assert len(server.requests) == MAX_REDIRECTS + 1


async def test_a_redirect_to_another_host_loses_the_authorization(server: Server) -> None:
    server.answers |= {"/a": redirect(server.url("/b", "other.test")), "/b": response(b"")}
    resolve = resolver({"allowed.test": [["127.0.0.1"]], "other.test": [["127.0.0.1"]]})
    async with SafeHttpClient(["*.test"], resolve=resolve) as client:
        await client.request("GET", server.url("/a"), headers={"Authorization": "Bearer secret", "Cookie": "a=b"})
    assert "authorization" in server.requests[0].headers
    assert not {"authorization", "cookie"} & server.requests[1].headers.keys()


async def test_no_cookie_is_kept_for_the_next_request(server: Server, client: SafeHttpClient) -> None:
    server.answers["/a"] = response(b"", Set_Cookie="session=1; Path=/")
    await client.request("GET", server.url("/a"))
    await client.request("GET", server.url("/a"))
    assert "cookie" not in server.requests[1].headers


@pytest.mark.parametrize(
    "answer",
    [
        response(b"x" * 100_001),
        b"HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\n"
        + b"".join(b"2710\r\n" + b"x" * 10_000 + b"\r\n" for _ in range(11))
        + b"0\r\n\r\n",
        response(gzip.compress(b"x" * 5_000_000), Content_Encoding="gzip"),
    ],
    ids=["announced", "chunked", "packed"],
)
async def test_answers_that_are_too_large_are_cut_off(server: Server, client: SafeHttpClient, answer: bytes) -> None:
    server.answers["/a"] = answer
    with pytest.raises(BlockError, match="more than 100,000 bytes") as caught:
        await client.request("GET", server.url("/a"))
    assert not caught.value.retry


async def test_a_slow_server_is_given_up_and_may_be_retried(server: Server, client: SafeHttpClient) -> None:
    with pytest.raises(BlockError, match=r"did not answer within 0\.1 seconds") as caught:
        await client.request("GET", server.url("/slow"), timeout_seconds=0.1)
    assert caught.value.retry
    assert server.slow.is_set()


async def test_a_closed_port_may_be_retried(server: Server, client: SafeHttpClient) -> None:
    async with serving() as gone:
        port = gone.port
    with pytest.raises(BlockError, match="cannot be reached") as caught:
        await client.request("GET", f"http://allowed.test:{port}/")
    assert caught.value.retry


async def test_an_unknown_name_may_be_retried(client: SafeHttpClient) -> None:
    with pytest.raises(BlockError, match="not known") as caught:
        await client.request("GET", "http://nowhere.test/")
    assert caught.value.retry


@pytest.mark.parametrize(
    "url",
    [
        "",
        "allowed.test",
        "ftp://allowed.test/",
        "file:///etc/passwd",
        "http://",
        "http://a b/",
        "http://[::1",
        "http://a:99999/",
    ],
)
async def test_what_is_no_web_address_is_refused(client: SafeHttpClient, url: str) -> None:
    with pytest.raises(BlockError) as caught:
        await client.request("GET", url)
    assert not caught.value.retry


@pytest.mark.parametrize(
    "headers", [{"Host": "other"}, {"Content-Length": "3"}, {"X": "a\r\nY: b"}, {"X Y": "a"}, {"X": "é"}]
)
async def test_headers_that_would_break_the_message_are_refused(
    server: Server, client: SafeHttpClient, headers: dict[str, str]
) -> None:
    with pytest.raises(BlockError) as caught:
        await client.request("GET", server.url("/a"), headers=headers)
    assert not caught.value.retry
    assert server.requests == []


async def test_messages_show_no_secrets(client: SafeHttpClient) -> None:
    with pytest.raises(BlockError) as caught:
        await client.request("GET", "http://user:hunter2@nowhere.test/a?key=hunter3")
    assert "hunter" not in caught.value.message


async def test_the_proxy_of_the_environment_is_not_used(
    server: Server, client: SafeHttpClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    server.answers["/a"] = response(b"direct")
    async with SafeHttpClient(["allowed.test"], resolve=resolver({"allowed.test": [["127.0.0.1"]]})) as fresh:
        assert (await fresh.request("GET", server.url("/a"))).body == b"direct"


async def test_tls_checks_the_name_although_the_connection_goes_to_an_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))
    resolve = resolver({"allowed.test": [["127.0.0.1"]], "other.test": [["127.0.0.1"]]})
    async with serving(tls()) as server, SafeHttpClient(["*.test", "allowed.test"], resolve=resolve) as client:
        server.answers["/a"] = response(b"secret")
        url = server.url("/a").replace("http:", "https:")
        assert (await client.request("GET", url)).body == b"secret"
        with pytest.raises(BlockError, match="no valid certificate") as caught:
            await client.request("GET", url.replace("allowed.test", "other.test"))
        assert not caught.value.retry
        assert len(server.requests) == 1


async def test_an_unknown_authority_is_refused() -> None:
    async with serving(tls()) as server:
        async with SafeHttpClient(["allowed.test"], resolve=resolver({"allowed.test": [["127.0.0.1"]]})) as client:
            with pytest.raises(BlockError, match="no valid certificate") as caught:
                await client.request("GET", server.url("/a").replace("http:", "https:"))
        assert not caught.value.retry


async def test_what_does_not_speak_http_is_told(server: Server, client: SafeHttpClient) -> None:
    server.answers["/a"] = b"SSH-2.0-OpenSSH\r\n\r\n"
    with pytest.raises(BlockError, match="cannot be reached"):
        await client.request("GET", server.url("/a"))


async def test_nothing_is_sent_before_it_may_be(server: Server, client: SafeHttpClient) -> None:
    server.answers["/a"] = response(b"done")
    connected, may_send = asyncio.Event(), asyncio.Event()

    async def ready() -> None:
        connected.set()
        await may_send.wait()

    request = asyncio.create_task(CarefulClient(client, ready).request("POST", server.url("/a"), content=b"data"))
    await connected.wait()
    assert not server.requests
    may_send.set()
    assert (await request).body == b"done"
    assert len(server.requests) == 1
