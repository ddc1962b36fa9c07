"""A graph with its names looked up: every node's ports, every link's ends, loops and cycles."""

from collections.abc import Iterable
from dataclasses import dataclass

from agentflow.graphs.loops import Structure, Wire, analyse
from agentflow.graphs.ports import ERROR, NodePorts, PortRef, Registry, ports_of, sink_ref, source_ref, with_ports
from agentflow.graphs.spec import GraphSpec, Join, NodeSpec
from blocks.base import Port, PortKind


@dataclass(frozen=True, slots=True)
class Joint:
    """A link whose ends are both known."""

    #: Position in the graph's links.
    link: int
    source: PortRef
    sink: PortRef


@dataclass(frozen=True, slots=True)
class Wiring:
    """What the names of a graph mean; numbers are positions in the graph's nodes and links."""

    #: Node key -> number of the first node with this key.
    numbers: dict[str, int]
    ports: tuple[NodePorts | None, ...]
    joints: tuple[Joint, ...]
    #: One for each joint.
    wires: tuple[Wire, ...]
    structure: Structure


def name_of(node: NodeSpec) -> str:
    """What people call the node."""
    return node.title or node.key


def read_wiring(spec: GraphSpec, registry: Registry) -> Wiring:
    """The graph's wiring; what is unknown is left out. O(nodes + links)."""
    numbers: dict[str, int] = {}
    for number, node in enumerate(spec.nodes):
        numbers.setdefault(node.key, number)
    ports = tuple(ports_of(node, registry) for node in spec.nodes)
    joints, wires = [], []
    for index, link in enumerate(spec.links):
        source, sink = numbers.get(link.source, -1), numbers.get(link.sink, -1)
        source_ports = ports[source] if source >= 0 else None
        sink_ports = ports[sink] if sink >= 0 else None
        if source_ports is None or sink_ports is None:
            continue
        start, end = source_ref(source_ports, link.source_port), sink_ref(sink_ports, link.sink_port)
        if start and end:
            joints.append(Joint(index, start, end))
            is_stream, rank = start.port.kind is PortKind.STREAM, sink_ports.rank(end.port.name)
            wires.append(Wire(source, sink, link.sink_port, is_stream, end.port.kind, rank))
    ports = _opened(ports, joints, wires)
    joins = {number: node.join for number, node in enumerate(spec.nodes) if node.join is not Join.MATCH}
    structure = analyse([name_of(node) for node in spec.nodes], wires, joins)
    return Wiring(numbers, ports, tuple(joints), tuple(wires), structure)


def _opened(
    ports: tuple[NodePorts | None, ...], joints: Iterable[Joint], wires: Iterable[Wire]
) -> tuple[NodePorts | None, ...]:
    """The ports of each node, with what is linked to blocks that take or give any name."""
    more: dict[int, tuple[list[Port], list[Port]]] = {
        number: ([], [])
        for number, found in enumerate(ports)
        if found and (found.block.open_inputs or found.block.open_outputs)
    }
    for joint, wire in zip(joints, wires, strict=True) if more else ():
        if wire.sink in more:
            more[wire.sink][0].append(joint.sink.port)
        if wire.source in more and joint.source.port is not ERROR:
            more[wire.source][1].append(joint.source.port)
    return tuple(
        with_ports(found, inputs=more[number][0], outputs=more[number][1]) if found and number in more else found
        for number, found in enumerate(ports)
    )
