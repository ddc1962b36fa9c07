"""What a block may use while it runs: protocols only; the executions package gives the real things."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """Answer of an HTTP request; `body` is at most the client's size limit."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    url: str


@dataclass(frozen=True, slots=True)
class Secret:
    """An opened credential; what is in it must not be logged, yielded or kept."""

    id: str
    #: One of `api_key`, `basic`, `bearer`, `headers`, `oauth2`, `sql`, `smtp`.
    kind: str
    #: By name, as the kind has them: `key`, `user`, `password`, `token`, `access_token`, `url`, …
    fields: Mapping[str, str] = field(repr=False)
    #: Hosts that it may be sent to: `api.example.com`, `*.example.com`, each with an optional `:port`.
    hosts: tuple[str, ...] = ()


class HttpStream(Protocol):
    """Answer of an HTTP request whose body is still to come: iterate over its parts, then close it."""

    @property
    def status(self) -> int:
        """Its status; redirects are not followed."""
        ...

    @property
    def headers(self) -> Mapping[str, str]:
        """Its headers, names in lower case."""
        ...

    def __aiter__(self) -> AsyncIterator[bytes]:
        """The body, unpacked, as it arrives; raises BlockError when it breaks off or is too large."""
        ...

    async def aclose(self) -> None:
        """Hang up, unless the whole body was read."""
        ...


class HttpClient(Protocol):
    """HTTP that refuses private addresses unless allowed, pinned to the checked address, size- and time-limited."""

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
        """Answer of any status; raises BlockError when there is none (refused, unreachable, too large, too slow).

        The credential is sent to the hosts that it names and to no other, also where redirects lead elsewhere.
        """
        ...

    async def open(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
        silence_seconds: float = 30.0,
    ) -> HttpStream:
        """Answer whose body is read as it comes; nothing for so long is an error, and no redirect is followed.

        Raises:
            BlockError: as `request`.
        """
        ...

    async def addresses(self, host: str, port: int) -> Sequence[str]:
        """Addresses at which other protocols may reach the host: connect to these and not to the name.

        Raises:
            BlockError: the host is not known, or private and not allowed.
        """
        ...

    async def ready(self) -> None:
        """Return when this run surely may still act: to await in the last moment before what must happen once."""
        ...


class Files(Protocol):
    """Read-only files by name, e.g. `examples/sales.csv`."""

    def read(self, name: str) -> bytes:
        """Whole content; raises BlockError for an unknown name."""
        ...


@dataclass(frozen=True, slots=True)
class BlockUser:
    """Who runs the graph, as far as a block may know."""

    id: int
    name: str
    #: A name of the IANA database: Europe/Zurich.
    time_zone: str = "UTC"
    #: Language and region, BCP 47: de-CH.
    locale: str = "en"
    #: What the user has set on the account page, by name.
    preferences: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a person decided."""

    #: "approved" or "rejected".
    decision: str
    #: The payload as the person left it.
    payload: Any = None
    comment: str = ""
    #: Name of the person.
    by: str = ""


class BlockContext(Protocol):
    """Given to every run of a block; all of it is read-only.

    What waits (`sleep`, `ask`, `run_graph`) is for blocks that run on the loop. A long wait holds no worker: `run` is
    begun anew when it is over, and waits that are answered return at once. `key` names a wait within its run.
    """

    @property
    def execution_id(self) -> str:
        """The execution that this run belongs to."""
        ...

    @property
    def node(self) -> str:
        """Key of the node."""
        ...

    @property
    def path(self) -> tuple[int, ...]:
        """Item indices of the loops around this run, from the outermost."""
        ...

    @property
    def attempt(self) -> int:
        """1 for the first try."""
        ...

    @property
    def idempotency_key(self) -> str:
        """Stable over retries and crashes; hand it to the other side of an effect."""
        ...

    @property
    def user(self) -> BlockUser:
        """Who runs the graph."""
        ...

    @property
    def http(self) -> HttpClient:
        """For requests to other servers."""
        ...

    @property
    def files(self) -> Files:
        """Files that the block may read."""
        ...

    @property
    def execution_inputs(self) -> Mapping[str, Any]:
        """The execution's inputs by name (used by io.input)."""
        ...

    @property
    def indices(self) -> Mapping[str, tuple[int, ...]]:
        """For each Collect or Gather port, the item indices (or link numbers) of the values given, in the same order."""
        ...

    @property
    def recorded(self) -> Mapping[str, Sequence[Any]]:
        """What earlier tries of this run yielded, by port; for blocks that say `resumes`."""
        ...

    async def sleep(self, seconds: float, *, key: str = "") -> None:
        """Return after so long."""
        ...

    async def ask(self, instructions: str, payload: Any = None, *, key: str = "") -> Answer:
        """Return what a person decided about the payload."""
        ...

    async def run_graph(self, graph: int, inputs: Mapping[str, Any], *, key: str = "") -> Mapping[str, Any]:
        """Run another graph to its end and return its outputs.

        Raises:
            BlockError: there is no such graph for this user, the inputs do not fit, or the run did not complete.
        """
        ...

    async def credential(self, id: str, *kinds: str) -> Secret:
        """Open the credential that an input names; for blocks that run on the loop.

        Its secret values are hidden (•••) in everything that this run logs, yields or fails with.

        Raises:
            BlockError: it is gone, not shared with whoever runs the graph, of another kind, or cannot be opened.
        """
        ...

    def log(self, message: str, level: str = "info") -> None:
        """Show a line in the node's log; bounded, recorded with the run."""
        ...

    def progress(self, fraction: float, text: str = "") -> None:
        """Show progress on the node, 0 to 1; transient."""
        ...

    def stream(self, port: str, chunk: str) -> None:
        """Show on the node how the text of an output port goes on; transient, the value that is yielded takes its place."""
        ...

    def usage(
        self,
        *,
        input_tokens: int = 0,
        output_tokens: int = 0,
        tokens: int = 0,
        items: int = 0,
        bytes: int = 0,
        usd: float = 0,
        model: str = "",
        provider: str = "",
    ) -> None:
        """Add to what this run has used; kept over retries, also when the attempt fails. `tokens` counts all of them."""
        ...
