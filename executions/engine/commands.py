"""What the scheduler says and hears: runs, the values that made them, and commands."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, NamedTuple

from executions.engine.status import Reason, Status

#: Item indices from the outermost loop inwards.
Path = tuple[int, ...]

NO_INDICES: Mapping[str, tuple[int, ...]] = MappingProxyType({})


class Arrival(NamedTuple):
    """One value that came over one link."""

    #: Index into the graph's links.
    link: int
    #: Already reached into by the part that the link's source port names.
    value: Any
    #: What the caller gave with the emitted value (the seq of its Output row); the engine only carries it.
    ref: int


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """One run of one node; the scheduler makes it and knows it by identity."""

    node: str
    path: Path = ()
    #: Counts the runs of this node at this path.
    ordinal: int = 0
    #: By input port in the block's order; the values of one Collect by item, of one Gather by link.
    arrivals: tuple[Arrival, ...] = ()
    #: For each Collect port the item numbers of its values, for each Gather port the link numbers (0: its first link).
    indices: Mapping[str, tuple[int, ...]] = field(default_factory=lambda: NO_INDICES)

    @property
    def key(self) -> tuple[str, Path, int]:
        """What names this run in its execution, also after a crash."""
        return self.node, self.path, self.ordinal


class Start(NamedTuple):
    """Start this run now."""

    run: Run


class Stop(NamedTuple):
    """Tell this running run to stop; answer with `stopped` (or `complete`, `fail` if it was faster)."""

    run: Run


class Skip(NamedTuple):
    """This node will never run; said at most once per node and only for nodes that never ran."""

    node: str
    #: A sentence for people.
    reason: str
    #: The input port that stayed empty.
    port: str


class Finish(NamedTuple):
    """The execution is over; said exactly once, last."""

    status: Status
    reason: Reason | None = None
    #: `{message, kind, node, path, …}` of what ended it.
    error: dict[str, Any] | None = None
    #: By the names of the output nodes.
    outputs: Mapping[str, Any] = MappingProxyType({})


Command = Start | Stop | Skip | Finish


@dataclass(slots=True)
class Counts:
    """Node executions by where they stand; each is counted once."""

    completed: int = 0
    #: Unhandled failures only.
    failed: int = 0
    #: Failures whose error travelled on.
    handled: int = 0
    #: Nodes that never ran.
    skipped: int = 0
    cancelled: int = 0
    running: int = 0
    #: For a timer, a person, another graph.
    waiting: int = 0
    #: Ready, but held back by a concurrency limit.
    queued: int = 0


class PortError(Exception):
    """The block yielded what its ports do not allow; the message is what a user reads."""
