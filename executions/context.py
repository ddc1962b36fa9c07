"""What a block gets to use: the real things behind `blocks.context`."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Protocol

from django.conf import settings

from agentflow.credentials.hiding import Hiding
from blocks.base import BlockError
from blocks.context import Answer, BlockUser, Files, HttpClient, Secret
from blocks.http import CarefulClient, Ready, SafeHttpClient
from executions.showing import Later, Showing, Tell
from executions.texts import plain
from executions.usage import Usage, added

#: Files that come with the product, by the folder name that blocks use.
SHIPPED = {"examples": Path(settings.BASE_DIR) / "agentflow" / "graphs" / "examples"}
MAX_LOG_LINES = 200
MAX_LINE = 2_000
MAX_LEVEL = 20


class ShippedFiles:
    """Read-only files that come with the product: `examples/sales.csv`."""

    def read(self, name: str) -> bytes:
        """The whole file; raises BlockError for an unknown name."""
        folder, _, file = name.partition("/")
        root = SHIPPED.get(folder)
        path = (root / file).resolve() if root and file else None
        if root is None or path is None or not path.is_relative_to(root.resolve()) or not path.is_file():
            raise BlockError(
                f"There is no file “{name}”. Files that come with agentflow begin with examples/.", retry=False
            )
        return path.read_bytes()


@cache
def http_client() -> SafeHttpClient:
    """One client, and so one pool of connections, per process."""
    return SafeHttpClient(allow=settings.HTTP_ALLOW)


def careful_http_client(ready: Ready) -> HttpClient:
    """The same, which sends nothing before `ready` returns."""
    return CarefulClient(http_client(), ready)


class Waiting(Protocol):
    """How a run on the worker's loop waits (`executions.waits`)."""

    async def sleep(self, seconds: float, key: str) -> None:
        """Return after so long."""

    async def ask(self, instructions: str, payload: Any, key: str) -> Answer:
        """What a person decided."""

    async def run_graph(self, graph: int, inputs: Mapping[str, Any], key: str) -> Mapping[str, Any]:
        """The outputs of another graph's run."""


class Credentials(Protocol):
    """How a run on the worker's loop opens credentials (`agentflow.credentials.opening`)."""

    async def open(
        self, id: str, kinds: Sequence[str], *, user: int, user_name: str, execution: str | None = None
    ) -> Secret:
        """The credential, if the user may use it."""


@dataclass(slots=True)
class NodeContext:
    """The context of one attempt of one node execution."""

    execution_id: str
    node: str
    path: tuple[int, ...]
    attempt: int
    idempotency_key: str
    user: BlockUser
    execution_inputs: Mapping[str, Any]
    indices: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    #: Tells whoever watches the run what there is to see.
    tell: Tell = lambda shown: None
    later: Later | None = None
    http: HttpClient = field(default_factory=http_client)
    files: Files = field(default_factory=ShippedFiles)
    #: None where a block cannot wait: in a thread or in a process.
    waiting: Waiting | None = None
    #: None where a block cannot open credentials.
    credentials: Credentials | None = None
    #: What was opened; None: nothing yet.
    hiding: Hiding | None = None
    #: Values that earlier tries of this run yielded, by port.
    recorded: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    #: [[seconds since the start, level, message], …].
    lines: list[list[Any]] = field(default_factory=list)
    #: What it has used since somebody last took it.
    used: Usage = field(default_factory=dict)
    _started: float = field(default_factory=time.monotonic)
    _showing: Showing | None = None

    async def sleep(self, seconds: float, *, key: str = "") -> None:
        """Return after so long; a long wait holds no worker."""
        await self._waiting().sleep(seconds, key)

    async def ask(self, instructions: str, payload: Any = None, *, key: str = "") -> Answer:
        """What a person decided about the payload."""
        return await self._waiting().ask(instructions, payload, key)

    async def run_graph(self, graph: int, inputs: Mapping[str, Any], *, key: str = "") -> Mapping[str, Any]:
        """The outputs of another graph's run."""
        return await self._waiting().run_graph(graph, inputs, key)

    async def credential(self, id: str, *kinds: str) -> Secret:
        """An opened credential, whose secrets are hidden from then on."""
        if self.credentials is None:
            raise BlockError("Only a block that runs on the worker's loop can use a credential.", retry=False)
        secret = await self.credentials.open(
            id, kinds, user=self.user.id, user_name=self.user.name, execution=self.execution_id
        )
        self.hiding = self.hiding or Hiding()
        self.hiding.learn(secret)
        return secret

    def _waiting(self) -> Waiting:
        if self.waiting is None:
            raise BlockError("Only a block that runs on the worker's loop can wait.", retry=False)
        return self.waiting

    def log(self, message: str, level: str = "info") -> None:
        """Keep a line with the run; the first 200 stay, the last one says that there were more."""
        if len(self.lines) < MAX_LOG_LINES:
            at = round(time.monotonic() - self._started, 4)
            self.lines.append([at, plain(level, MAX_LEVEL), plain(message, MAX_LINE)])
        elif len(self.lines) == MAX_LOG_LINES:
            self.lines.append([round(time.monotonic() - self._started, 4), "warning", "Further lines were left out."])

    def usage(self, **amounts: Any) -> None:
        """Add to what the run has used."""
        self.used = added(self.used, amounts)

    def take_used(self) -> Usage:
        """What was used since the last call."""
        taken, self.used = self.used, {}
        return taken

    def progress(self, fraction: float, text: str = "") -> None:
        """Show progress, 0 to 1."""
        self._shown().progress(fraction, text)

    def stream(self, port: str, chunk: str) -> None:
        """Show how the text of a port goes on."""
        self._shown().stream(port, chunk)

    def end(self) -> None:
        """The attempt is over: show nothing more."""
        if self._showing is not None:
            self._showing.end()

    def _shown(self) -> Showing:
        if self._showing is None:
            self._showing = Showing(self.tell, self.later, self._hidden)
        return self._showing

    def _hidden(self, text: str) -> str:
        return self.hiding.text(text) if self.hiding else text
