"""Which loops every node and link belongs to, and which nodes form a cycle: pure analysis of a graph's wiring."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from agentflow.graphs.spec import Join
from blocks.base import PortKind

#: The loops around a place, outermost first: the number of the node whose stream opens it, or `~position` of a loop that
#: is made by joining others.
LoopStack = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Wire:
    """A link between nodes given by number."""

    source: int
    sink: int
    #: The sink port as the link names it: links with the same slot are a merge.
    slot: str
    #: The source port is a stream.
    stream: bool = False
    #: Of the sink port.
    kind: PortKind = PortKind.VALUE
    #: Position of the sink port among its node's inputs.
    rank: int = 0

    @property
    def waits(self) -> bool:
        """The sink waits until nothing more can come."""
        return self.kind in (PortKind.COLLECT, PortKind.GATHER)


@dataclass(frozen=True, slots=True)
class Fault:
    """A wiring that has no meaning."""

    code: str
    detail: str
    node: int
    #: Number of the wire, when one is to blame.
    wire: int | None = None


@dataclass(frozen=True, slots=True)
class JoinedLoop:
    """A loop whose items a node makes of the items of others; no other node has the same ones."""

    node: int
    #: The loops that are zipped, or the one that is crossed with those before.
    parts: LoopStack
    #: Length of the path around the loops that are joined.
    depth: int
    #: Position of the crossed loop among those that the node crosses; 0: the loops are zipped.
    place: int


@dataclass(frozen=True, slots=True)
class Structure:
    """Cycles and loops of a graph."""

    #: Nodes that can each reach the others, sources first; a node outside cycles stands alone.
    units: tuple[tuple[int, ...], ...]
    #: Node -> its unit.
    unit_of: tuple[int, ...]
    #: Node -> it is part of a cycle.
    cyclic: tuple[bool, ...]
    #: Node -> the loops that its runs are in.
    loops: tuple[LoopStack, ...]
    #: Wire -> the loops that its values are in when the sink port receives them (a Collect receives outside its loop).
    received: tuple[LoopStack, ...]
    #: Node that combines the items of several loops -> these loops as its wires bring them, in the order in which they nest.
    crossed: Mapping[int, tuple[LoopStack, ...]]
    joined: tuple[JoinedLoop, ...]
    faults: tuple[Fault, ...]

    def producers(self, loop: int) -> tuple[int, ...]:
        """The nodes whose streams make the items of a loop."""
        if loop >= 0:
            return (loop,)
        return tuple(producer for part in self.joined[~loop].parts for producer in self.producers(part))

    def opener(self, loop: int) -> int:
        """The node with which a loop begins."""
        return loop if loop >= 0 else self.joined[~loop].node


def analyse(names: Sequence[str], wires: Sequence[Wire], joins: Mapping[int, Join] | None = None) -> Structure:
    """The structure of the graph whose nodes have these names (for sentences). O(nodes + wires).

    `joins` says of which nodes values of different loops are zipped or crossed.
    """
    return _Analysis(names, wires, joins or {}).structure()


def components(size: int, wires: Sequence[Wire]) -> tuple[tuple[int, ...], ...]:
    """Strongly connected components, sources first, each sorted. O(nodes + wires), without recursion.

    Source: Tarjan, "Depth-first search and linear graph algorithms", SIAM J. Comput. 1(2), 1972.
    """
    sinks: list[list[int]] = [[] for _ in range(size)]
    for wire in wires:
        sinks[wire.source].append(wire.sink)
    found: list[tuple[int, ...]] = []
    low = [0] * size  # 0: not visited; else the earliest visit that this node is known to reach
    done = size + 1
    visits = 0
    open_nodes: list[int] = []
    for root in range(size):
        trail = [] if low[root] else [(root, visits + 1, iter(sinks[root]))]
        while trail:
            node, visit, ahead = trail[-1]
            if not low[node]:
                visits = low[node] = visit
                open_nodes.append(node)
            for child in ahead:
                if not low[child]:
                    trail.append((child, visits + 1, iter(sinks[child])))
                    break
                low[node] = min(low[node], low[child])
            else:
                trail.pop()
                if trail:
                    parent = trail[-1][0]
                    low[parent] = min(low[parent], low[node])
                if low[node] == visit:
                    found.append(_take(open_nodes, node))
                    for member in found[-1]:
                        low[member] = done
    return tuple(reversed(found))


def _take(open_nodes: list[int], last: int) -> tuple[int, ...]:
    members = [open_nodes.pop()]
    while members[-1] != last:
        members.append(open_nodes.pop())
    return tuple(sorted(members))


class _Analysis:
    def __init__(self, names: Sequence[str], wires: Sequence[Wire], joins: Mapping[int, Join]) -> None:
        size = len(names)
        self.names = names
        self.joins = joins
        self.crossed: dict[int, tuple[LoopStack, ...]] = {}
        self.joined_loops: list[JoinedLoop] = []
        self.wires = wires
        self.units = components(size, wires)
        self.unit_of = [0] * size
        for number, unit in enumerate(self.units):
            for node in unit:
                self.unit_of[node] = number
        self.entering: list[list[int]] = [[] for _ in range(size)]
        self.cyclic = [False] * size
        for number, wire in enumerate(wires):
            self.entering[wire.sink].append(number)
            if self.is_inner(number):
                self.cyclic[wire.sink] = True
        self.loops: list[LoopStack] = [()] * size
        self.received: list[LoopStack] = [()] * len(wires)
        self.faults: list[Fault] = []

    def structure(self) -> Structure:
        for unit in self.units:
            self.place(unit)
            for node in unit:
                self.check_merges(node)
            if self.cyclic[unit[0]]:
                self.check_cycle(unit)
        return Structure(
            units=self.units,
            unit_of=tuple(self.unit_of),
            cyclic=tuple(self.cyclic),
            loops=tuple(self.loops),
            received=tuple(self.received),
            crossed=self.crossed,
            joined=tuple(self.joined_loops),
            faults=tuple(self.faults),
        )

    def is_inner(self, number: int) -> bool:
        """The wire is part of a cycle."""
        wire = self.wires[number]
        return self.unit_of[wire.source] == self.unit_of[wire.sink]

    def fault(self, code: str, detail: str, node: int, wire: int | None = None) -> None:
        self.faults.append(Fault(code, detail, node, wire))

    def place(self, unit: tuple[int, ...]) -> None:
        """Put a unit into the innermost of the loops that its values from outside are in."""
        outside = [number for node in unit for number in self.entering[node] if not self.is_inner(number)]
        for number in outside:
            self.received[number] = self.receive(number)
        innermost = max((self.received[number] for number in outside), key=len, default=())
        if joined := self.joined(unit, outside):
            innermost, outside = joined, []
        for node in unit:
            self.loops[node] = innermost
        crossing = set()
        for number in outside:
            stack, sink = self.received[number], self.wires[number].sink
            if stack != innermost[: len(stack)] and sink not in crossing:
                crossing.add(sink)
                code = "crossing_loops" if self.can_join(sink, stack, innermost) else "distant_loops"
                self.fault(code, self.crossing(sink, stack, innermost), sink, number)
        for node in unit:
            for number in self.entering[node]:
                if self.is_inner(number):
                    self.received[number] = innermost

    def joined(self, unit: tuple[int, ...], outside: Sequence[int]) -> LoopStack:
        """The loops of a node in which several loops are to meet; () when there is nothing to join, or no way to."""
        node = unit[0]
        join = self.joins.get(node, Join.MATCH)
        if join is Join.MATCH or self.cyclic[node]:
            return ()
        ranked = sorted(outside, key=lambda number: (self.wires[number].rank, self.wires[number].slot))
        stacks = tuple(dict.fromkeys(self.received[number] for number in ranked))
        deepest = max(stacks, key=len, default=())
        if all(stack == deepest[: len(stack)] for stack in stacks):
            return ()
        meeting = tuple(stack for stack in stacks if len(stack) == len(deepest))
        around = meeting[0][:-1]
        others = [stack for stack in stacks if len(stack) < len(deepest)]
        if (
            len(meeting) < 2
            or any(stack[:-1] != around for stack in meeting)
            or any(stack != around[: len(stack)] for stack in others)
        ):
            self.fault("distant_loops", self.not_joined(node, join), node)
            return meeting[0]
        if join is Join.ZIP:
            return (*around, self.joined_loop(node, tuple(stack[-1] for stack in meeting), len(around), 0))
        self.crossed[node] = meeting
        inner = enumerate(meeting[1:], start=1)
        return (*meeting[0], *(self.joined_loop(node, stack[-1:], len(around), place) for place, stack in inner))

    def joined_loop(self, node: int, parts: LoopStack, depth: int, place: int) -> int:
        self.joined_loops.append(JoinedLoop(node, parts, depth, place))
        return ~(len(self.joined_loops) - 1)

    def not_joined(self, node: int, join: Join) -> str:
        return (
            f"{self.names[node]} cannot {join.value} these loops: it can when they differ in the innermost level only. "
            "Collect the inner ones first."
        )

    def loop_name(self, loop: int) -> str:
        return self.names[loop if loop >= 0 else self.joined_loops[~loop].node]

    def receive(self, number: int) -> LoopStack:
        wire = self.wires[number]
        stack = self.loops[wire.source]
        if wire.stream:
            stack = (*stack, wire.source)
        if wire.kind is not PortKind.COLLECT:
            return stack
        if not stack:
            detail = f"“{wire.slot}” of {self.names[wire.sink]} collects the items of a loop, but {self.names[wire.source]} is in none: use a Gather."
            self.fault("collect_outside_loop", detail, wire.sink, number)
        return stack[:-1]

    def can_join(self, sink: int, one: LoopStack, other: LoopStack) -> bool:
        """Zip and cross would help: the loops differ in the innermost level only."""
        return not self.cyclic[sink] and one[:-1] == other[:-1]

    def crossing(self, sink: int, one: LoopStack, other: LoopStack) -> str:
        depth = next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), 0)
        first, second = self.loop_name(other[depth]), self.loop_name(one[depth])
        choices = "collect one of them first"
        if self.cyclic[sink]:
            choices += ", outside the cycle"
        elif self.can_join(sink, one, other):
            choices += ", or set the join to zip (pair them by position) or cross (every combination)"
        return (
            f"{self.names[sink]} takes values from two loops, of {first} and of {second}, whose items do not belong together: "
            f"{choices}."
        )

    def check_merges(self, node: int) -> None:
        """Links into one port must bring values of the same loop."""
        first: dict[str, int] = {}
        for number in self.entering[node]:
            slot = self.wires[number].slot
            other = first.setdefault(slot, number)
            if self.received[number] != self.received[other]:
                detail = (
                    f"Links from different loops meet in “{slot}” of {self.names[node]}: "
                    f"{self.place_name(other)} and {self.place_name(number)}."
                )
                self.fault("mixed_loops", detail, node, number)

    def place_name(self, number: int) -> str:
        stack = self.received[number]
        where = f"in the loop of {self.loop_name(stack[-1])}" if stack else "outside loops"
        return f"{self.names[self.wires[number].source]} is {where}"

    def check_cycle(self, unit: tuple[int, ...]) -> None:
        """A cycle must have a way in, and neither opens nor closes a loop."""
        inner = [number for node in unit for number in self.entering[node] if self.is_inner(number)]
        last = max(inner)
        for number in sorted(inner):
            wire = self.wires[number]
            sink, source = self.names[wire.sink], self.names[wire.source]
            if wire.waits:
                detail = f"“{wire.slot}” of {sink} would wait for its own result: it must not be part of a cycle."
                self.fault("waits_for_itself", detail, wire.sink, number)
            elif wire.stream:
                back = self.names[self.wires[last].source]
                detail = f"{back} is in the loop of {source} and leads back above it: collect the items first, outside the cycle."
                self.fault("loop_leads_back", detail, wire.source, last)
        self.check_entry(unit, inner)

    def check_entry(self, unit: tuple[int, ...], inner: list[int]) -> None:
        """Every node of a cycle must be able to run: each port needs a link from outside or from one that can."""
        leads: dict[int, list[int]] = {}
        lacking: dict[int, set[str]] = {node: {self.wires[n].slot for n in self.entering[node]} for node in unit}
        for node in unit:
            lacking[node] -= {self.wires[n].slot for n in self.entering[node] if not self.is_inner(n)}
        for number in inner:
            leads.setdefault(self.wires[number].source, []).append(number)
        able = [node for node in unit if not lacking[node]]
        for node in able:
            for number in leads.get(node, ()):
                wire = self.wires[number]
                if wire.slot in lacking[wire.sink]:
                    lacking[wire.sink].discard(wire.slot)
                    if not lacking[wire.sink]:
                        able.append(wire.sink)
        for node in unit:
            if lacking[node]:
                slot = min(lacking[node])
                detail = f"{self.names[node]} can never run: “{slot}” only gets values from the cycle that {self.names[node]} itself is in."
                self.fault("cycle_without_entry", detail, node)
