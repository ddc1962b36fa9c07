"""What a plan is made of: everything about a graph that does not change while it runs, looked up and counted."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from agentflow.graphs.spec import Join, Limits, Policy
from blocks.base import Block, Effect, PortKind, RunsIn
from blocks.types import Acceptor

#: A stream port: number of its node, name.
Stream = tuple[int, str]


class Take(Enum):
    """How a slot gives its values to runs."""

    #: Each value once, first in, first out.
    ONCE = auto()
    #: Each value once, but the last one again and again: fed from outside the cycle that its node is in.
    KEEP = auto()
    #: Every value for every path below its own: it comes from outside a loop that its node is in.
    SHARE = auto()


@dataclass(frozen=True, slots=True)
class LinkPlan:
    """A link with everything looked up."""

    #: Position in the graph's links.
    index: int
    #: Numbers of the nodes, as in `Plan.order`.
    source: int
    sink: int
    source_port: str
    #: Steps into the source's value.
    parts: tuple[str, ...]
    #: Position in the sink's slots.
    slot: int
    #: Position among the links of its slot.
    place: int
    #: What the sink takes.
    target: Acceptor


@dataclass(frozen=True, slots=True)
class LoopPlan:
    """A loop, as far as a Collect must know whether it was there at a path around it."""

    #: Numbers of the nodes whose streams make its items.
    producers: tuple[int, ...]
    #: The loops of which a node has made this one; none for the loop of a stream.
    parts: tuple["LoopPlan", ...] = ()
    #: The node that crosses its part with other loops, at this position among them; -1: its parts are zipped.
    crossed_by: int = -1
    place: int = 0
    #: Length of the path around the parts.
    depth: int = 0


@dataclass(frozen=True, slots=True)
class SlotPlan:
    """What must have a value before a node runs: a linked port or a linked member of a port."""

    port: str
    #: Key or index in the port's value; empty for the whole port.
    member: str
    kind: PortKind
    take: Take
    #: Length of the paths at which the node receives values here: outside the loop for a Collect.
    depth: int
    links: tuple[int, ...]
    #: May receive several values at one path.
    several: bool
    #: Of a node that crosses loops: position of the loop that its values are in; -1: they come from outside of all of them.
    crossed: int
    #: For a Collect: the loop that it closes.
    loop: "LoopPlan | None" = None
    #: The port's value can only be a dict: the member is a key, also when it is digits.
    keyed: bool = False

    @property
    def waits(self) -> bool:
        """It is a Collect or a Gather: it waits until nothing more can come."""
        return self.kind in (PortKind.COLLECT, PortKind.GATHER)


@dataclass(frozen=True, slots=True)
class Endings:
    """What is told to sinks when nothing more can come over some links at a path of some length."""

    #: Links into Collects and Gathers that wait for this.
    gates: tuple[LinkPlan, ...] = ()
    #: For each link whose sink counts it: the sink's unit, and the position of the length in that unit's `depths`.
    counts: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class OutPlan:
    """An output port."""

    name: str
    #: A bit of its own among the ports of its node.
    bit: int
    links: tuple[LinkPlan, ...]
    #: Some link takes a part of the values.
    parted: bool
    #: Its values are an output of the execution.
    is_output: bool
    stream: Stream | None = None
    #: For a stream: what follows when item k was yielded (nothing more comes for this item).
    endings: Endings = Endings()
    #: For a stream: somebody waits for the news that an item was yielded or will not be.
    tracked: bool = False


@dataclass(frozen=True, slots=True)
class Throttle:
    """How many items of a node's loop are worked on at once."""

    #: The limit, unless it comes over a link; 0: none.
    at_once: int
    #: Position of the slot that it comes over; -1: none.
    slot: int
    #: The unit that stands for items held back: the streams' links start there.
    unit: int
    #: Units that are over for an item when the item's part of the loop is quiet.
    body: int


@dataclass(frozen=True, slots=True)
class NodePlan:
    """A node."""

    number: int
    key: str
    name: str
    block: type[Block]
    config: Mapping[str, Any]
    #: What it gives instead of running, by port; None: it runs.
    pinned: Mapping[str, Any] | None
    policy: Policy
    effect: Effect
    runs_in: RunsIn
    join: Join
    #: Keys of the nodes that open the loops it is in, by a stream or by zipping loops, outermost first.
    loops: tuple[str, ...]
    #: Keys of the nodes whose streams make the items of the outermost of them.
    roots: tuple[str, ...]
    slots: tuple[SlotPlan, ...]
    outs: Mapping[str, OutPlan]
    links_in: tuple[LinkPlan, ...]
    links_out: tuple[LinkPlan, ...]
    unit: int
    #: May run several times at one path.
    repeats: bool
    #: One slot of single values: every value is a run.
    simple: bool
    #: Some slot is a Collect or a Gather.
    bundles: bool
    error_out: OutPlan
    #: Streams of which somebody waits for the news that an item will not come.
    tracked: tuple[OutPlan, ...]
    #: Somebody asks whether it ran at a path.
    remembers: bool
    throttle: Throttle | None = None

    @property
    def block_id(self) -> str:
        """Id of its block."""
        return self.block.id

    @property
    def depth(self) -> int:
        """Length of the paths of its runs."""
        return len(self.loops)


@dataclass(frozen=True, slots=True)
class Outer:
    """A source of a unit outside some of the unit's loops: it must be closed before the unit can be, at deep paths."""

    depth: int
    unit: int
    #: Of the depth in the unit's `depths`.
    position: int = -1
    #: For an item of a stream: the node and the port that yields it.
    stream: Stream | None = None


@dataclass(frozen=True, slots=True)
class UnitPlan:
    """Nodes that can each reach the others; most units are one node, some stand for the items that a node holds back."""

    nodes: tuple[int, ...]
    #: The path lengths at which its end is asked for, longest first; the last is 0.
    depths: tuple[int, ...]
    #: For each of them: links from outside that carry values of at least this path length.
    links: tuple[int, ...]
    #: For each of them: sources of shorter paths.
    outers: tuple[tuple[Outer, ...], ...]
    #: For each of them: what follows for the sinks.
    endings: tuple[Endings, ...]
    #: For each of them: nodes that wait for an item's part of their loop to be quiet, of which this unit is one.
    quiets: tuple[tuple[int, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """A graph ready to run; shared by all its executions and never changed."""

    #: In the graph's order.
    order: tuple[NodePlan, ...]
    nodes: Mapping[str, NodePlan]
    links: tuple[LinkPlan, ...]
    units: tuple[UnitPlan, ...]
    #: Unit -> links that may bring it values.
    open_links: tuple[int, ...]
    #: Units whose end is asked for at longer paths than ().
    deep_units: tuple[int, ...]
    limits: Limits
    #: Key of an output node -> the name of its output.
    outputs: Mapping[str, str]
