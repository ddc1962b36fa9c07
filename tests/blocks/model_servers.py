"""Servers that speak the protocols of OpenAI and of Anthropic as the real ones do, on 127.0.0.1."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

Event = dict[str, Any]


@dataclass
class Asked:
    """One request that arrived."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]


@dataclass
class ModelServer:
    """Answers with what `answers` has next, the last one again and again."""

    port: int = 0
    answers: list[bytes | Sequence[bytes]] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)
    #: Set when a client has hung up in the middle of an answer.
    hung_up: asyncio.Event = field(default_factory=asyncio.Event)
    #: Set when the first part of an answer was sent.
    begun: asyncio.Event = field(default_factory=asyncio.Event)

    def url(self, host: str = "model.test") -> str:
        return f"http://{host}:{self.port}/v1"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                line, *lines = head.decode().rstrip().split("\r\n")
                headers = {name.lower(): value for name, _, value in (one.partition(": ") for one in lines)}
                body = json.loads(await reader.readexactly(int(headers.get("content-length", 0))) or b"{}")
                self.asked.append(Asked(line.split()[1], headers, body))
                answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
                await self._send([answer] if isinstance(answer, bytes) else answer, reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _send(self, parts: Sequence[bytes], reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for part in parts:
            if part == SILENCE:
                if not await reader.read(1):
                    self.hung_up.set()
                raise ConnectionError
            if part == DROP:
                raise ConnectionError
            writer.write(part)
            await writer.drain()
            self.begun.set()


#: In place of a part: nothing more comes, or the connection ends.
SILENCE, DROP = b"<silence>", b"<drop>"
STREAM_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
STREAM_END = b"0\r\n\r\n"


def chunk(text: str) -> bytes:
    data = text.encode()
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"


def plain(body: Any, status: int = 200, **headers: str) -> bytes:
    data = json.dumps(body).encode()
    lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(data)}", "Content-Type: application/json"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + data


def openai_error(status: int, message: str, kind: str = "", code: str | None = None, **headers: str) -> bytes:
    return plain({"error": {"message": message, "type": kind, "param": None, "code": code}}, status, **headers)


def openai_events(*words: str, finish: str = "stop", model: str = "small-1") -> list[Event]:
    base = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": model}

    def choice(delta: Event, reason: str | None = None) -> Event:
        return {
            **base,
            "choices": [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}],
            "usage": None,
        }

    usage = {"prompt_tokens": 12, "completion_tokens": len(words), "total_tokens": 12 + len(words)}
    return [
        choice({"role": "assistant", "content": "", "refusal": None}),
        *(choice({"content": word}) for word in words),
        choice({}, finish),
        {**base, "choices": [], "usage": usage},
    ]


def openai_stream(*words: str, finish: str = "stop") -> list[bytes]:
    events = [chunk(f"data: {json.dumps(event)}\n\n") for event in openai_events(*words, finish=finish)]
    return [STREAM_HEAD, *events, chunk("data: [DONE]\n\n"), STREAM_END]


def anthropic_events(*words: str, stop: str = "end_turn", tool: bool = False) -> list[Event]:
    usage = {"input_tokens": 20, "output_tokens": 1, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0}
    message = {"id": "msg_1", "type": "message", "role": "assistant", "model": "claude-1", "content": []}
    block: Event = {"type": "text", "text": ""}
    if tool:
        block = {"type": "tool_use", "id": "toolu_1", "name": "answer", "input": {}}
    kind, name = ("input_json_delta", "partial_json") if tool else ("text_delta", "text")
    deltas = [{"type": "content_block_delta", "index": 0, "delta": {"type": kind, name: word}} for word in words]
    return [
        {"type": "message_start", "message": {**message, "stop_reason": None, "stop_sequence": None, "usage": usage}},
        {"type": "content_block_start", "index": 0, "content_block": block},
        {"type": "ping"},
        *deltas,
        {"type": "content_block_stop", "index": 0},
        {
            "type": "message_delta",
            "delta": {"stop_reason": stop, "stop_sequence": None},
            "usage": {"output_tokens": len(words)},
        },
        {"type": "message_stop"},
    ]


def anthropic_stream(*words: str, stop: str = "end_turn", tool: bool = False) -> list[bytes]:
    return [STREAM_HEAD, *map(anthropic_event, anthropic_events(*words, stop=stop, tool=tool)), STREAM_END]


def anthropic_event(event: Event) -> bytes:
    return chunk(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n")


def anthropic_error(kind: str, message: str) -> Event:
    return {"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_1"}


@asynccontextmanager
async def serving(*answers: bytes | Sequence[bytes]) -> AsyncIterator[ModelServer]:
    server = ModelServer(answers=list(answers))
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    server.port = listening.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listening.close()
