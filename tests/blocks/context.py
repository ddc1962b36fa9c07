"""A block's context without anything around it: recorded logs, files and web answers from dicts."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from blocks.base import Block, BlockError, PortKind, RunsIn, read_input
from blocks.context import Answer, BlockUser, HttpResponse, Secret


@dataclass
class FakeFiles:
    """Files from a dict."""

    contents: Mapping[str, bytes] = field(default_factory=dict)

    def read(self, name: str) -> bytes:
        try:
            return self.contents[name]
        except KeyError:
            raise BlockError(f"There is no file {name}.", retry=False) from None


@dataclass(frozen=True)
class Sent:
    """One request that a block sent."""

    method: str
    url: str
    headers: Mapping[str, str]
    params: Mapping[str, str]
    content: bytes | None
    timeout_seconds: float
    credential: Secret | None = None


@dataclass
class FakeStream:
    """An answer that comes in parts."""

    parts: list[bytes]
    headers: Mapping[str, str] = field(default_factory=lambda: {"content-type": "text/event-stream"})
    status: int = 200

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for part in self.parts:
            yield part

    async def aclose(self) -> None:
        pass


@dataclass
class FakeHttp:
    """Answers by url; without one a POST to `/echo` sends its body back, and everything else is 404."""

    answers: dict[str, HttpResponse] = field(default_factory=dict)
    sent: list[Sent] = field(default_factory=list)

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        content: bytes | None = None,
        timeout_seconds: float = 30.0,
        credential: Secret | None = None,
    ) -> HttpResponse:
        given = (dict(headers or {}), dict(params or {}), content, timeout_seconds, credential)
        self.sent.append(Sent(method, url, *given))
        if "://127.0.0.1" in url:
            raise BlockError("blocks may not reach private addresses", retry=False)
        return self.answers.get(url) or self._echo(url, self.sent[-1])

    async def open(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
        silence_seconds: float = 30.0,
    ) -> FakeStream:
        """A model that says what it was told last."""
        self.sent.append(Sent(method, url, dict(headers or {}), {}, content, silence_seconds))
        if "://127.0.0.1" in url:
            raise BlockError("blocks may not reach private addresses", retry=False)
        return echoed(json.loads(content or b"{}"), url)

    async def addresses(self, host: str, port: int) -> Sequence[str]:
        raise BlockError(f"The host name {host} is not known.")

    async def ready(self) -> None:
        pass

    @staticmethod
    def _echo(url: str, sent: Sent) -> HttpResponse:
        if url.endswith("/echo"):
            return answer(sent.content or b"", kind=sent.headers.get("Content-Type", "text/plain"), url=url)
        if url.endswith("/text"):
            return answer(b"hello", url=url)
        return answer(b'{"detail": "Not found"}', status=404, kind="application/json", url=url)


def echoed(asked: dict[str, Any], url: str) -> FakeStream:
    """What a server of OpenAI's protocol would say if its model said everything again."""
    if url.endswith("/embeddings"):
        rows = [{"index": n, "embedding": [float(len(text)), 1.0]} for n, text in enumerate(asked["input"])]
        body = json.dumps({"data": rows, "model": "echo", "usage": {"prompt_tokens": len(rows)}}).encode()
        return FakeStream([body], {"content-type": "application/json"})
    last = asked["messages"][-1]["content"]
    text = last.removeprefix("JSON: ") if "response_format" in asked else f"You said: {last}"
    usage = {"prompt_tokens": 2, "completion_tokens": 3, "total_tokens": 5}
    events = [
        {"model": "echo", "choices": [{"index": 0, "delta": {"content": text}, "finish_reason": "stop"}]},
        {"model": "echo", "choices": [], "usage": usage},
    ]
    lines = [f"data: {json.dumps(event)}\n\n".encode() for event in events]
    return FakeStream([*lines, b"data: [DONE]\n\n"])


def answer(
    body: bytes, *, status: int = 200, kind: str = "text/plain; charset=utf-8", url: str = "https://example.com/"
) -> HttpResponse:
    return HttpResponse(status, {"content-type": kind} if kind else {}, body, url)


Graph = Callable[[Mapping[str, Any]], Mapping[str, Any]]

#: Graphs that the examples run.
GRAPHS: Mapping[int, Graph] = {
    1: lambda inputs: {"greeting": f"Hello {inputs.get('name', 'world')}!"},
    2: lambda inputs: {"accumulator": inputs["accumulator"] + inputs["item"]},
    3: lambda inputs: {},
}


#: Credentials that the examples use.
CREDENTIALS: Mapping[str, Secret] = {
    "mail": Secret("mail", "smtp", {"host": "mail.example.com", "port": "587", "user": "me@example.com"}),
    "files": Secret("files", "sql", {"url": "postgresql://reader@db.example.com/shop?sslkey=/etc/key"}),
    "database": Secret("database", "sql", {"url": "postgresql://reader@db.example.com/shop"}),
}


@dataclass
class FakeContext:
    """Everything that a block may use, and what it did with it."""

    execution_id: str = "0193a1c0-0000-7000-8000-000000000001"
    node: str = "node"
    path: tuple[int, ...] = ()
    attempt: int = 1
    idempotency_key: str = "0193a1c0:node::0"
    user: BlockUser = field(default_factory=lambda: BlockUser(1, "alice"))
    http: Any = field(default_factory=FakeHttp)
    files: FakeFiles = field(default_factory=FakeFiles)
    execution_inputs: Mapping[str, Any] = field(default_factory=dict)
    indices: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    recorded: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    graphs: Mapping[int, Graph] = field(default_factory=lambda: GRAPHS)
    #: What people answer, in order; without any they approve what they see.
    answers: list[Answer] = field(default_factory=list)
    #: Each wait as it was asked for: `("sleep", 60.0)`, `("ask", "May it?", payload)`, `("graph", 1, inputs, key)`.
    waits: list[tuple[Any, ...]] = field(default_factory=list)
    credentials: Mapping[str, Secret] = field(default_factory=lambda: CREDENTIALS)
    logs: list[tuple[str, str]] = field(default_factory=list)
    shown: list[float] = field(default_factory=list)
    #: What was streamed, by port.
    streamed: dict[str, str] = field(default_factory=dict)
    #: Each call of `usage`.
    used: list[dict[str, Any]] = field(default_factory=list)

    def log(self, message: str, level: str = "info") -> None:
        self.logs.append((level, message))

    async def sleep(self, seconds: float, *, key: str = "") -> None:
        self.waits.append(("sleep", seconds))
        await asyncio.sleep(0)

    async def ask(self, instructions: str, payload: Any = None, *, key: str = "") -> Answer:
        self.waits.append(("ask", instructions, payload))
        return self.answers.pop(0) if self.answers else Answer("approved", payload)

    async def run_graph(self, graph: int, inputs: Mapping[str, Any], *, key: str = "") -> Mapping[str, Any]:
        self.waits.append(("graph", graph, dict(inputs), key))
        if graph not in self.graphs:
            raise BlockError(f"There is no graph {graph}.", retry=False)
        return self.graphs[graph](inputs)

    async def credential(self, id: str, *kinds: str) -> Secret:
        found = self.credentials.get(id)
        if found is None or found.kind not in kinds:
            raise BlockError("The credential is gone.", retry=False)
        return found

    def progress(self, fraction: float, text: str = "") -> None:
        self.shown.append(fraction)

    def stream(self, port: str, chunk: str) -> None:
        self.streamed[port] = self.streamed.get(port, "") + chunk

    def usage(self, **amounts: Any) -> None:
        self.used.append(amounts)


async def run(block: type[Block], values: Mapping[str, Any], context: FakeContext | None = None) -> dict[str, Any]:
    """Outputs by port, as the node executor would record them: stream ports as lists, other ports at most once."""
    given = context or FakeContext()
    kinds = {port.name: port.kind for port in block.output_ports(values)}
    outputs: dict[str, Any] = {name: [] for name, kind in kinds.items() if kind is PortKind.STREAM}
    for port, value in await _pairs(block, values, given):
        assert port in kinds or block.open_outputs, f"{block.id} has no output port {port}"
        if kinds.get(port) is PortKind.STREAM:
            outputs[port].append(value)
        else:
            assert port not in outputs, f"{block.id} yielded {port} twice"
            outputs[port] = value
    return outputs


async def _pairs(block: type[Block], values: Mapping[str, Any], context: FakeContext) -> list[tuple[str, Any]]:
    started = block().run(read_input(block, values), context)
    if block.runs_in is RunsIn.ASYNC:
        return [pair async for pair in started]
    return list(started)
