"""GraphSpec + block ports -> Plan."""

from collections.abc import Mapping, Sequence

from agentflow.graphs.ports import ERROR, NodePorts, PortRef, Registry
from agentflow.graphs.spec import GraphSpec
from agentflow.graphs.validation import Problem, check
from agentflow.graphs.wiring import Wiring, name_of
from blocks.base import ERROR_PORT, Port, PortKind
from blocks.types import Acceptor, acceptor, step
from executions.engine.tables import (
    Endings,
    LinkPlan,
    LoopPlan,
    NodePlan,
    Outer,
    OutPlan,
    Plan,
    SlotPlan,
    Take,
    Throttle,
    UnitPlan,
)

__all__ = ["NodePlan", "Plan", "PlanError", "compile_plan"]

#: The block whose values are the outputs of the execution.
OUTPUT_BLOCK = "io.output"
OUTPUT_PORT = "value"
#: The input of a block with streams that says how many of its items are worked on at once.
THROTTLE_PORT = "at_once"


#: A unit and a path length: it is over at a path of this length.
End = tuple[int, int]


class PlanError(Exception):
    """The graph has errors and cannot run."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("; ".join(problem.detail for problem in problems))
        self.problems = problems


def compile_plan(spec: GraphSpec, registry: Registry, numbers: Sequence[int] | None = None) -> Plan:
    """The graph's plan. O(nodes + links), times the nesting of loops.

    For a part of a graph `numbers` are the positions of its links in the whole.

    Raises:
        PlanError: the graph has errors.
    """
    wiring, problems = check(spec, registry)
    if errors := tuple(problem for problem in problems if problem.severity == "error"):
        raise PlanError(errors)
    return _Compiler(spec, wiring, numbers or range(len(spec.links))).plan()


class _Compiler:
    """Tables of one graph, filled in step by step."""

    def __init__(self, spec: GraphSpec, wiring: Wiring, numbers: Sequence[int]) -> None:
        self.spec = spec
        self.numbers = numbers
        self.wiring = wiring
        self.structure = wiring.structure
        self.ports = [ports for ports in wiring.ports if ports]
        self.acceptors: dict[int, Acceptor] = {}
        #: Output ports without links are all alike.
        self.unlinked: dict[tuple[str, int], OutPlan] = {}
        size = len(spec.nodes)
        self.incoming: list[list[int]] = [[] for _ in range(size)]
        self.outgoing: list[list[int]] = [[] for _ in range(size)]
        for index, wire in enumerate(wiring.wires):
            self.incoming[wire.sink].append(index)
            self.outgoing[wire.source].append(index)

    def plan(self) -> Plan:
        spec = self.spec
        self.slot_links = [self.slots_of(node) for node in range(len(spec.nodes))]
        self.links = self.link_plans()
        self.find_repeats()
        self.find_throttled()
        self.find_depths()
        units = tuple(self.unit_plan(unit) for unit in range(len(self.structure.units)))
        units += tuple(self.holding_unit(node) for node in self.holding)
        self.awaited = {outer.stream for unit in units for outers in unit.outers for outer in outers}
        producers = {node for wire in self.wiring.wires if wire.stream for node in (wire.source,)}
        order = tuple(self.node_plan(number, remembers=number in producers) for number in range(len(spec.nodes)))
        outputs = {
            node.key: str(node.config.get("name", node.key)) for node in spec.nodes if node.block == OUTPUT_BLOCK
        }
        return Plan(
            order=order,
            nodes={node.key: node for node in order},
            links=self.links,
            units=units,
            open_links=tuple(unit.links[-1] for unit in units),
            deep_units=tuple(number for number, unit in enumerate(units) if len(unit.depths) > 1),
            limits=spec.limits,
            outputs=outputs,
        )

    def slots_of(self, node: int) -> dict[tuple[str, str], list[int]]:
        """The node's slots in the order of its ports, with their links."""
        rank = {port.name: position for position, port in enumerate(self.ports[node].inputs)}
        found: dict[tuple[str, str], list[int]] = {}
        for index in self.incoming[node]:
            sink = self.wiring.joints[index].sink
            found.setdefault((sink.port.name, ".".join(sink.parts)), []).append(index)
        return dict(sorted(found.items(), key=lambda item: (rank[item[0][0]], item[1][0])))

    def link_plans(self) -> tuple[LinkPlan, ...]:
        plans: list[LinkPlan | None] = [None] * len(self.spec.links)
        for slots in self.slot_links:
            for slot, links in enumerate(slots.values()):
                for place, index in enumerate(links):
                    plans[index] = self.link_plan(index, slot, place)
        return tuple(plan for plan in plans if plan is not None)

    def link_plan(self, index: int, slot: int, place: int) -> LinkPlan:
        wire, joint = self.wiring.wires[index], self.wiring.joints[index]
        return LinkPlan(
            index=self.numbers[index],
            source=wire.source,
            sink=wire.sink,
            source_port=joint.source.port.name,
            parts=joint.source.parts,
            slot=slot,
            place=place,
            target=self.target(joint.sink),
        )

    def target(self, sink: PortRef) -> Acceptor:
        """What the sink accepts; schemas of one block class are read once."""
        schema = sink.port.schema
        found = self.acceptors.get(id(schema))
        if found is None:
            found = self.acceptors[id(schema)] = acceptor(schema)
        return acceptor(step(schema, sink.parts[0]) or {}) if sink.parts else found

    def find_repeats(self) -> None:
        """Which nodes may run, and which slots may be filled, several times at one path."""
        structure = self.structure
        self.repeats = list(structure.cyclic)
        for unit in structure.units:
            for node in unit:
                self.repeats[node] = self.repeats[node] or any(
                    self.is_filled_again(links) for links in self.slot_links[node].values()
                )

    def is_filled_again(self, links: list[int]) -> bool:
        wires = [self.wiring.wires[index] for index in links]
        if wires[0].waits:
            return False
        return len(wires) > 1 or any(not wire.stream and self.repeats[wire.source] for wire in wires)

    def find_throttled(self) -> None:
        """Nodes whose loops work on some items at once: the unit that holds items back, the units of the loop's body.

        An item is quiet when the body's units are over for it. A unit that cannot be over before the loop itself is
        (it waits for a Collect of the loop, directly or by way of another throttled loop) is none of them: the next
        item would never come.
        """
        structure = self.structure
        streaming = {wire.source for wire in self.wiring.wires if wire.stream}
        throttled = [node for node in sorted(streaming) if self.is_throttled(node)]
        #: Throttled node -> its holding unit, numbered after the units of nodes.
        self.holding = {node: len(structure.units) + position for position, node in enumerate(throttled)}
        self.body: dict[int, set[int]] = {}
        awaited_by = self.awaited_by() if throttled else {}
        for node, holding in self.holding.items():
            loop = (*structure.loops[node], node)
            inside = {structure.unit_of[n] for n, loops in enumerate(structure.loops) if loops[: len(loop)] == loop}
            ends = [(holding, depth) for depth in range(len(loop))]
            after = _reachable(ends, awaited_by)
            self.body[node] = {unit for unit in inside if (unit, len(loop)) not in after}
            for unit in self.body[node]:
                awaited_by.setdefault((unit, len(loop)), []).extend(ends)

    def awaited_by(self) -> dict[End, list[End]]:
        """End of a unit at a path length -> the ends that come after it."""
        structure = self.structure
        found: dict[End, list[End]] = {}
        for index, wire in enumerate(self.wiring.wires):
            source, sink = self.source_unit(index), structure.unit_of[wire.sink]
            reach, longest = self.reach(index), len(structure.loops[wire.source])
            for depth in range(len(structure.loops[wire.sink]) + 1) if source != sink else ():
                if min(depth, reach) <= longest:
                    found.setdefault((source, min(depth, reach)), []).append((sink, depth))
        for node, holding in self.holding.items():
            for depth in range(len(structure.loops[node]) + 1):
                found.setdefault((structure.unit_of[node], depth), []).append((holding, depth))
        return found

    def is_throttled(self, node: int) -> bool:
        linked = any(port == THROTTLE_PORT for port, _ in self.slot_links[node])
        return linked or bool(_at_once(self.ports[node]))

    def reach(self, index: int) -> int:
        """Up to which path length the end of a link is an end for its sink.

        The paths of a node that crosses loops begin with the items of the first one: of the others only the end of the
        whole loop is.
        """
        wire, received = self.wiring.wires[index], self.structure.received[index]
        crossed = self.structure.crossed.get(wire.sink, ())
        return len(received) - (received in crossed[1:])

    def source_unit(self, index: int) -> int:
        """The unit that closes the link."""
        wire = self.wiring.wires[index]
        if wire.stream and wire.source in self.holding:
            return self.holding[wire.source]
        return self.structure.unit_of[wire.source]

    def find_depths(self) -> None:
        """At which path lengths each unit's end matters: 0, and what Collects, Gathers and throttled loops need."""
        structure, wires = self.structure, self.wiring.wires
        depths: list[set[int]] = [{0} for _ in range(len(structure.units) + len(self.holding))]
        for node, body in self.body.items():
            for unit in body:
                depths[unit].add(len(structure.loops[node]) + 1)
        for number in reversed(range(len(structure.units))):
            for node in structure.units[number]:
                if node in self.holding:
                    depths[number] |= depths[self.holding[node]]
            for node in structure.units[number]:
                for index in self.incoming[node]:
                    source = self.source_unit(index)
                    if source == number:
                        continue
                    reach = self.reach(index)
                    longest = len(structure.loops[wires[index].source])
                    needs = {min(depth, reach) for depth in depths[number]}
                    if wires[index].waits:
                        needs.add(len(structure.received[index]))
                    depths[source] |= {depth for depth in needs if depth <= longest}
        self.depths = [tuple(sorted(found, reverse=True)) for found in depths]

    def endings(self, links: list[int], depth: int, holding: Sequence[int] = ()) -> Endings:
        """Who is told when these links, and those to holding units, close at a path of this length."""
        structure, gates = self.structure, []
        counts = [(unit, self.depths[unit].index(depth)) for unit in holding if depth in self.depths[unit]]
        for index in links:
            wire, reach = self.wiring.wires[index], self.reach(index)
            unit = structure.unit_of[wire.sink]
            if unit == structure.unit_of[wire.source]:
                continue
            if wire.waits and depth == len(structure.received[index]):
                gates.append(self.links[index])
            if depth in self.depths[unit] and depth <= reach:
                counts.append((unit, self.depths[unit].index(depth)))
        return Endings(tuple(gates), tuple(counts))

    def is_inner(self, index: int) -> bool:
        wire = self.wiring.wires[index]
        return self.structure.unit_of[wire.source] == self.structure.unit_of[wire.sink]

    def unit_plan(self, number: int) -> UnitPlan:
        structure = self.structure
        nodes = structure.units[number]
        entering = [index for node in nodes for index in self.incoming[node] if not self.is_inner(index)]
        leaving = [index for node in nodes for index in self.outgoing[node] if self.source_unit(index) == number]
        holding = [self.holding[node] for node in nodes if node in self.holding]
        depths = self.depths[number]
        reaches = [self.reach(index) for index in entering]
        return UnitPlan(
            nodes=nodes,
            depths=depths,
            links=tuple(sum(reach >= depth for reach in reaches) for depth in depths),
            outers=tuple(self.outers(entering, depth) for depth in depths),
            endings=tuple(self.endings(leaving, depth, holding) for depth in depths),
            quiets=tuple(self.quiets(number, depth) for depth in depths),
        )

    def holding_unit(self, node: int) -> UnitPlan:
        """The unit of the items that a throttled node holds back: it goes on when the node has ended."""
        depths = self.depths[self.holding[node]]
        streams = [index for index in self.outgoing[node] if self.wiring.wires[index].stream]
        none: tuple[tuple[()], ...] = ((),) * len(depths)
        endings = tuple(self.endings(streams, depth) for depth in depths)
        return UnitPlan(nodes=(), depths=depths, links=(1,) * len(depths), outers=none, endings=endings, quiets=none)

    def quiets(self, unit: int, depth: int) -> tuple[int, ...]:
        loops = self.structure.loops
        return tuple(n for n, body in self.body.items() if unit in body and depth == len(loops[n]) + 1)

    def outers(self, entering: list[int], depth: int) -> tuple[Outer, ...]:
        found: dict[Outer, None] = {}
        for index in entering:
            reach = self.reach(index)
            if reach < depth:
                wire, link = self.wiring.wires[index], self.links[index]
                unit = self.source_unit(index)
                if reach > len(self.structure.loops[wire.source]):
                    found[Outer(reach, unit, stream=(wire.source, link.source_port))] = None
                else:
                    found[Outer(reach, unit, self.depths[unit].index(reach))] = None
        return tuple(found)

    def node_plan(self, number: int, *, remembers: bool) -> NodePlan:
        spec, ports, structure = self.spec.nodes[number], self.ports[number], self.structure
        outs = self.outs(number, ports)
        slots = tuple(
            self.slot_plan(number, port, member, links) for (port, member), links in self.slot_links[number].items()
        )
        bundles = any(slot.waits for slot in slots)
        return NodePlan(
            number=number,
            key=spec.key,
            name=name_of(spec),
            block=ports.block,
            config=ports.config,
            pinned=spec.pinned,
            policy=spec.policy,
            effect=ports.block.effect,
            runs_in=ports.block.runs_in,
            join=spec.join,
            loops=tuple(self.spec.nodes[structure.opener(loop)].key for loop in structure.loops[number]),
            roots=tuple(
                self.spec.nodes[producer].key
                for loop in structure.loops[number][:1]
                for producer in structure.producers(loop)
            ),
            slots=slots,
            outs=outs,
            links_in=tuple(self.links[index] for index in self.incoming[number]),
            links_out=tuple(self.links[index] for index in self.outgoing[number]),
            unit=structure.unit_of[number],
            repeats=self.repeats[number],
            simple=len(slots) == 1 and not bundles and number not in structure.crossed,
            bundles=bundles,
            error_out=outs[ERROR_PORT],
            tracked=tuple(out for out in outs.values() if out.tracked),
            remembers=remembers,
            throttle=self.throttle(number, slots) if self.body.get(number) else None,
        )

    def throttle(self, node: int, slots: tuple[SlotPlan, ...]) -> Throttle:
        slot = next((position for position, slot in enumerate(slots) if slot.port == THROTTLE_PORT), -1)
        return Throttle(_at_once(self.ports[node]), slot, self.holding[node], len(self.body[node]))

    def slot_plan(self, node: int, port: str, member: str, links: list[int]) -> SlotPlan:
        structure = self.structure
        wire = self.wiring.wires[links[0]]
        depth = len(structure.received[links[0]])
        take = Take.SHARE if depth < len(structure.loops[node]) else Take.ONCE
        if take is Take.ONCE and structure.cyclic[node] and not any(self.is_inner(index) for index in links):
            take = Take.KEEP
        crossed, received = structure.crossed.get(node, ()), structure.received[links[0]]
        place = crossed.index(received) if received in crossed else -1
        if place >= 0:
            take = Take.ONCE
        loop = None
        if wire.kind is PortKind.COLLECT:
            loop = self.loop_plan(wire.source if wire.stream else structure.loops[wire.source][-1])
        several = self.is_filled_again(links)
        keyed = bool(member) and "array" not in acceptor(self.wiring.joints[links[0]].sink.port.schema).kinds
        return SlotPlan(port, member, wire.kind, take, depth, tuple(links), several, place, loop, keyed)

    def loop_plan(self, loop: int) -> LoopPlan:
        producers = self.structure.producers(loop)
        if loop >= 0:
            return LoopPlan(producers)
        joined = self.structure.joined[~loop]
        parts = tuple(self.loop_plan(part) for part in joined.parts)
        return LoopPlan(producers, parts, joined.node if joined.place else -1, joined.place, joined.depth)

    def outs(self, number: int, ports: NodePorts) -> dict[str, OutPlan]:
        leaving: dict[str, list[int]] = {}
        for index in self.outgoing[number]:
            leaving.setdefault(self.links[index].source_port, []).append(index)
        is_output = self.spec.nodes[number].block == OUTPUT_BLOCK
        return {
            port.name: self.out(number, port, 1 << position, leaving.get(port.name, []), is_output=is_output)
            for position, port in enumerate((*ports.outputs, ERROR))
        }

    def out(self, number: int, port: Port, bit: int, links: list[int], *, is_output: bool) -> OutPlan:
        plans = tuple(self.links[index] for index in links)
        parted = any(link.parts for link in plans)
        is_output = is_output and port.name == OUTPUT_PORT
        if not links and not is_output and port.kind is not PortKind.STREAM:
            return self.unlinked.setdefault(
                (port.name, bit), OutPlan(port.name, bit, (), parted=False, is_output=False)
            )
        if port.kind is not PortKind.STREAM:
            return OutPlan(port.name, bit, plans, parted, is_output)
        stream = (number, port.name)
        endings = self.endings(links, len(self.structure.loops[number]) + 1)
        tracked = endings != Endings() or stream in self.awaited
        return OutPlan(port.name, bit, plans, parted, is_output, stream, endings, tracked)


def _reachable(starts: list[End], edges: Mapping[End, list[End]]) -> set[End]:
    found = set(starts)
    todo = list(starts)
    while todo:
        for end in edges.get(todo.pop(), ()):
            if end not in found:
                found.add(end)
                todo.append(end)
    return found


def _at_once(ports: NodePorts) -> int:
    port = ports.input(THROTTLE_PORT)
    value = ports.config.get(THROTTLE_PORT, port.default) if port else 0
    return value if isinstance(value, int) else 0
