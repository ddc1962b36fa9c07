"""A graph with its names looked up: every node's ports, every link's ends, loops and cycles."""

from dataclasses import dataclass

from agentflow.graphs.loops import Structure, Wire, analyse
from agentflow.graphs.ports import NodePorts, PortRef, Registry, ports_of, sink_ref, source_ref
from agentflow.graphs.spec import GraphSpec, NodeSpec
from blocks.base import PortKind


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
            wires.append(Wire(source, sink, link.sink_port, start.port.kind is PortKind.STREAM, end.port.kind))
    structure = analyse([name_of(node) for node in spec.nodes], wires)
    return Wiring(numbers, ports, tuple(joints), tuple(wires), structure)
