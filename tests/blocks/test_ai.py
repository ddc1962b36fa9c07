"""Blocks that ask language models, against servers that speak as the real ones do."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from blocks.ai import Chat
from blocks.base import BlockError
from blocks.context import Secret
from blocks.http import SafeHttpClient
from tests.blocks import model_servers as servers
from tests.blocks.context import FakeContext, run
from tests.blocks.model_servers import DROP, SILENCE, STREAM_END, STREAM_HEAD, ModelServer, chunk, serving
from tests.blocks.servers import resolver

KEY = "sk-very-secret"
SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}


@pytest.fixture
async def http() -> AsyncIterator[SafeHttpClient]:
    names = {"model.test": [["127.0.0.1"]], "private.test": [["127.0.0.1"]]}
    async with SafeHttpClient(["model.test"], resolve=resolver(names)) as client:
        yield client


def key(server: ModelServer, **fields: str) -> Secret:
    return Secret(
        "1", "api_key", {"key": KEY, "header": "Authorization", **fields}, (server.url().removesuffix("/v1"),)
    )


async def ask(
    server: ModelServer, http: Any, context: FakeContext | None = None, secret: Secret | None = None, **given: Any
) -> dict[str, Any]:
    context = context or FakeContext()
    context.http = http
    context.credentials = {"1": secret or key(server)}
    values = {"credential": "1", "base_url": server.url(), "model": "small", "prompt": "Hello", **given}
    return await run(Chat, values, context)


async def refusal(*answers: Any, http: Any, context: FakeContext | None = None, **given: Any) -> BlockError:
    async with serving(*answers) as server:
        with pytest.raises(BlockError) as caught:
            await ask(server, http, context, **given)
    return caught.value


ANTHROPIC: dict[str, Any] = {"provider": "anthropic"}


async def test_words_stream_and_usage_is_counted(http: SafeHttpClient) -> None:
    context = FakeContext()
    async with serving(servers.openai_stream("Good ", "morning")) as server:
        outputs = await ask(server, http, context, system="Be kind.", temperature=0, max_tokens=9)
    assert outputs["text"] == "Good morning"
    assert outputs["finish"] == "stop"
    assert outputs["messages"][-1] == {"role": "assistant", "content": "Good morning"}
    assert context.streamed == {"text": "Good morning"}
    [used] = context.used
    assert used == {
        "input_tokens": 12, "output_tokens": 2, "tokens": 14, "model": "small-1", "provider": "openai"
    }  # fmt: skip
    [asked] = server.asked
    assert asked.path == "/v1/chat/completions"
    assert asked.body == {
        "model": "small",
        "messages": [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "Hello"}],
        "stream": True,
        "stream_options": {"include_usage": True},
        "temperature": 0,
        "max_tokens": 9,
    }


async def test_anthropic_speaks_its_own_protocol(http: SafeHttpClient) -> None:
    context = FakeContext()
    async with serving(servers.anthropic_stream("Good ", "morning")) as server:
        outputs = await ask(server, http, context, **ANTHROPIC, system="Be kind.")
    assert (outputs["text"], outputs["finish"]) == ("Good morning", "stop")
    assert context.streamed == {"text": "Good morning"}
    assert context.used[0] | {"tokens": 22} == {
        "input_tokens": 20, "output_tokens": 2, "tokens": 22, "model": "claude-1", "provider": "anthropic"
    }  # fmt: skip
    [asked] = server.asked
    assert (asked.path, asked.headers["x-api-key"]) == ("/v1/messages", KEY)
    assert "authorization" not in asked.headers
    assert (asked.body["system"], asked.body["max_tokens"]) == ("Be kind.", 4096)


@pytest.mark.parametrize("name", ["OPENAI_API_KEY", "OPENAI_ORG_ID", "OPENAI_CUSTOM_HEADERS", "OPENAI_BASE_URL"])
async def test_nothing_of_the_servers_environment_is_sent(
    http: SafeHttpClient, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, "X-Leak: leaked")
    async with serving(servers.openai_stream("x")) as server:
        await ask(server, http)
        await ask(server, http, credential=None)
    assert server.asked[0].headers["authorization"] == f"Bearer {KEY}"
    assert "authorization" not in server.asked[1].headers
    assert "leaked" not in json.dumps([asked.headers for asked in server.asked])


@pytest.mark.parametrize("name", ["ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_CUSTOM_HEADERS"])
async def test_nothing_of_it_is_sent_to_anthropic_either(
    http: SafeHttpClient, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, "X-Leak: leaked")
    async with serving(servers.anthropic_stream("x")) as server:
        await ask(server, http, **ANTHROPIC)
    assert "leaked" not in json.dumps(server.asked[0].headers)


@pytest.mark.parametrize("provider", ["openai", "anthropic"])
async def test_a_key_is_not_sent_to_another_host(http: SafeHttpClient, provider: str) -> None:
    secret = Secret("1", "api_key", {"key": KEY}, ("api.example.com",))
    error = await refusal(servers.openai_stream("x"), http=http, secret=secret, provider=provider)
    assert not error.retry
    assert "may only be sent to api.example.com" in error.message


async def test_a_redirect_is_not_followed(http: SafeHttpClient) -> None:
    error = await refusal(servers.plain({}, 307, Location="http://private.test/"), http=http)
    assert "redirect" in error.message


async def test_private_addresses_are_refused(http: SafeHttpClient) -> None:
    async with serving(servers.openai_stream("x")) as server:
        with pytest.raises(BlockError, match="may not reach private addresses") as caught:
            await ask(server, http, credential=None, base_url=server.url("private.test"))
    assert not caught.value.retry
    assert server.asked == []


async def test_the_address_may_be_the_credentials(http: SafeHttpClient) -> None:
    async with serving(servers.openai_stream("x")) as server:
        secret = Secret("1", "api_key", {"key": KEY, "base_url": server.url()}, ())
        assert (await ask(server, http, secret=secret, base_url=""))["text"] == "x"


TOO_MANY = servers.openai_error(429, "Rate limit reached", "requests", "rate_limit_exceeded", Retry_After="7")
LATER = "in five minutes"


@pytest.mark.parametrize(
    ("answer", "words", "is_retried"),
    [
        (TOO_MANY, "takes no more requests for now: Rate limit reached", True),
        (servers.openai_error(429, "You exceeded", "insufficient_quota", "insufficient_quota"), "no credit", False),
        (servers.openai_error(500, "oops", "server_error"), "could not answer (status 500): oops", True),
        (servers.openai_error(503, "busy"), "status 503", True),
        (servers.openai_error(401, "Incorrect API key"), "does not accept the credential", False),
        (servers.openai_error(403, "no"), "does not accept the credential", False),
        (servers.openai_error(404, "no model small"), "no such model", False),
        (servers.openai_error(400, "bad temperature"), "refuses the request (status 400): bad temperature", False),
        (b"HTTP/1.1 502 X\r\nContent-Length: 6\r\nContent-Type: text/html\r\n\r\n<html>", "status 502", True),
        (b"garbage\r\n\r\n", "", True),
        ([STREAM_HEAD, chunk("data: {not json}\n\n"), STREAM_END], "no answer of a openai server", True),
        ([STREAM_HEAD, chunk("data: [1]\n\n"), STREAM_END], "", True),
        ([STREAM_HEAD, chunk('data: {"choices": 7}\n\n'), STREAM_END], "", True),
        ([STREAM_HEAD, STREAM_END], "ended too soon", True),
        ([*servers.openai_stream("half")[:3], DROP], "broke off in the middle", True),
        ([STREAM_HEAD, chunk('data: {"error": {"message": "overheated"}}\n\n'), STREAM_END], "overheated", True),
        (servers.plain({"choices": []}), "", True),
    ],
)
async def test_what_goes_wrong_is_said_and_tried_again_if_that_may_help(
    http: SafeHttpClient, answer: Any, words: str, is_retried: bool
) -> None:
    error = await refusal(answer, http=http)
    assert words in error.message
    assert error.retry is is_retried
    assert KEY not in error.message


@pytest.mark.parametrize(
    ("answer", "words", "is_retried"),
    [
        (servers.plain(servers.anthropic_error("overloaded_error", "Overloaded"), 529), "status 529", True),
        (servers.plain(servers.anthropic_error("rate_limit_error", "slow"), 429), "no more requests for now", True),
        (servers.plain(servers.anthropic_error("authentication_error", "bad x-api-key"), 401), "not accept", False),
        (servers.plain(servers.anthropic_error("invalid_request_error", "no model"), 400), "no model", False),
        (
            [
                STREAM_HEAD,
                servers.anthropic_event(servers.anthropic_error("overloaded_error", "Overloaded")),
                STREAM_END,
            ],
            "Overloaded",
            True,
        ),
        (
            [STREAM_HEAD, servers.anthropic_event(servers.anthropic_error("invalid_request_error", "no")), STREAM_END],
            "no",
            False,
        ),
        ([STREAM_HEAD, chunk("event: message_start\ndata: {not json\n\n"), STREAM_END], "no answer of", True),
        ([*servers.anthropic_stream("half")[:5], STREAM_END], "ended too soon", True),
        ([*servers.anthropic_stream("half")[:5], DROP], "broke off in the middle", True),
    ],
)
async def test_anthropic_what_goes_wrong_is_said_too(
    http: SafeHttpClient, answer: Any, words: str, is_retried: bool
) -> None:
    error = await refusal(answer, http=http, **ANTHROPIC)
    assert words in error.message
    assert error.retry is is_retried


@pytest.mark.parametrize(
    ("after", "seconds"), [("7", 7), ("0.5", 0.5), (LATER, 300), ("soon", 0), ("nan", 0), ("-3", 0)]
)
async def test_the_server_says_when_to_come_back(http: SafeHttpClient, after: str, seconds: float) -> None:
    if after == LATER:
        after = format_datetime(datetime.now(UTC) + timedelta(minutes=5), usegmt=True)
    error = await refusal(servers.openai_error(429, "later", Retry_After=after), http=http)
    assert error.after_seconds == pytest.approx(seconds, abs=60)


async def test_what_a_broken_answer_has_used_is_counted(http: SafeHttpClient) -> None:
    context = FakeContext()
    await refusal([*servers.anthropic_stream("half")[:5], DROP], http=http, context=context, **ANTHROPIC)
    assert context.used[0]["input_tokens"] == 20


async def test_a_silent_server_is_not_waited_for(http: SafeHttpClient) -> None:
    error = await refusal([STREAM_HEAD, SILENCE], http=http, timeout_seconds=0.2)
    assert error.retry
    assert "0.2 seconds" in error.message


async def test_stopping_hangs_up(http: SafeHttpClient) -> None:
    async with serving([*servers.openai_stream("a")[:3], SILENCE]) as server:
        running = asyncio.create_task(ask(server, http))
        await server.begun.wait()
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        async with asyncio.timeout(5):
            await server.hung_up.wait()


async def test_an_answer_of_a_schema_becomes_a_value(http: SafeHttpClient) -> None:
    async with serving(servers.openai_stream('{"n"', ": 3}")) as server:
        outputs = await ask(server, http, answer_schema=SCHEMA)
    assert outputs["data"] == {"n": 3}
    shape = {"name": "answer", "schema": SCHEMA}
    assert server.asked[0].body["response_format"] == {"type": "json_schema", "json_schema": shape}


async def test_anthropic_gives_it_by_a_tool(http: SafeHttpClient) -> None:
    async with serving(servers.anthropic_stream('{"n"', ": 3}", stop="tool_use", tool=True)) as server:
        outputs = await ask(server, http, answer_schema=SCHEMA, **ANTHROPIC)
    assert (outputs["data"], outputs["finish"]) == ({"n": 3}, "stop")
    assert server.asked[0].body["tool_choice"] == {"type": "tool", "name": "answer"}


@pytest.mark.parametrize(
    ("stream", "schema", "words", "is_retried"),
    [
        (servers.openai_stream("no json"), SCHEMA, "is no JSON", True),
        (servers.openai_stream('{"n": "3"}'), SCHEMA, "does not fit the schema: n", True),
        (servers.openai_stream('{"n"', finish="length"), SCHEMA, "cut off", False),
        (servers.openai_stream("{}"), {"type": "odd"}, "is not valid", False),
        (servers.openai_stream("{}"), {"$ref": "http://127.0.0.1:1/x"}, "refers to what is not in it", False),
    ],
)
async def test_what_is_not_what_was_asked_for(
    http: SafeHttpClient, stream: Any, schema: Any, words: str, is_retried: bool
) -> None:
    error = await refusal(stream, http=http, answer_schema=schema)
    assert words in error.message
    assert error.retry is is_retried


async def test_fences_around_json_are_taken_off(http: SafeHttpClient) -> None:
    async with serving(servers.openai_stream("```json\n", '{"n": 3}', "\n```")) as server:
        assert (await ask(server, http, answer_schema=SCHEMA))["data"] == {"n": 3}


@pytest.mark.parametrize("messages", [[{"role": "robot", "content": "x"}], [{"role": "user"}], [{}]])
async def test_messages_that_are_none(http: SafeHttpClient, messages: Any) -> None:
    error = await refusal(servers.openai_stream("x"), http=http, messages=messages)
    assert "Message 1 must have a role" in error.message


async def test_system_messages_become_anthropics_system(http: SafeHttpClient) -> None:
    async with serving(servers.anthropic_stream("x")) as server:
        await ask(server, http, **ANTHROPIC, system="a", messages=[{"role": "system", "content": "b"}])
    assert server.asked[0].body["system"] == "a\n\nb"
    assert server.asked[0].body["messages"] == [{"role": "user", "content": "Hello"}]
