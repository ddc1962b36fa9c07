"""Graphs that the nodes of another graph run: which they are, what they take and give, what does not fit."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from django.contrib.auth.models import User

from agentflow.graphs.drafts import draft_specs
from agentflow.graphs.interface import Interface, interface
from agentflow.graphs.models import Graph
from agentflow.graphs.permissions import LARGEST_ID, graphs_for
from agentflow.graphs.ports import NodePorts, with_ports
from agentflow.graphs.spec import GraphSpec, NodeSpec
from agentflow.graphs.validation import Problem, pointer_to
from agentflow.graphs.wiring import Wiring, name_of
from blocks.base import ERROR_PORT
from blocks.forms import GRAPH
from blocks.registry import registry


@dataclass(slots=True)
class Child:
    """A node and the graph that its config names."""

    number: int
    node: NodeSpec
    ports: NodePorts
    #: The input that names the graph.
    port: str
    graph: int
    name: str = ""
    #: None: the user sees no such graph.
    interface: Interface | None = None
    #: Names of the linked ports by link.
    links_in: dict[int, str] = field(default_factory=dict)
    links_out: dict[int, str] = field(default_factory=dict)


def present_interfaces(graphs: Iterable[Graph]) -> dict[int, Interface]:
    """What each graph takes and gives now, by id: its published version, else its draft; two queries at most."""
    found = list(graphs)
    specs = {graph.pk: GraphSpec.from_json(graph.published.spec) for graph in found if graph.published}
    specs |= draft_specs(graph for graph in found if graph.pk not in specs)
    known = registry()
    return {pk: interface(spec, known) for pk, spec in specs.items()}


def children_of(spec: GraphSpec, wiring: Wiring, user: User) -> list[Child]:
    """The nodes that run graphs, those whose graph comes over a link left out; three queries, none without such nodes."""
    found = {number: child for number, child in enumerate(_chosen(spec, wiring)) if child}
    for joint, wire in zip(wiring.joints, wiring.wires, strict=True) if found else ():
        if wire.sink in found:
            found[wire.sink].links_in[joint.link] = joint.sink.port.name
        if wire.source in found:
            found[wire.source].links_out[joint.link] = joint.source.port.name
    children = [child for child in found.values() if child.port not in child.links_in.values()]
    ids = {child.graph for child in children if 0 < child.graph <= LARGEST_ID}
    graphs = {graph.pk: graph for graph in graphs_for(user).select_related("published").filter(pk__in=ids)}
    interfaces = present_interfaces(graphs.values())
    for child in children:
        if child.graph in graphs:
            child.name, child.interface = graphs[child.graph].name, interfaces[child.graph]
    return children


def ports_with(child: Child) -> NodePorts:
    """The node's own ports, those of the graph that it runs, then what else is linked or given."""
    ports, found = child.ports, child.interface or Interface()
    own = _own_ports(ports)
    inputs = found.inputs if ports.block.open_inputs else ()
    outputs = [port for port in found.outputs if port.name != ERROR_PORT] if ports.block.open_outputs else ()
    return with_ports(with_ports(own, inputs=inputs, outputs=outputs), inputs=ports.inputs, outputs=ports.outputs)


def child_problems(children: Iterable[Child]) -> Iterator[Problem]:
    """Warnings about graphs that are not there, and about inputs and outputs that they do not have now."""
    for child in children:
        if child.interface is None:
            yield _at_config(child, "unknown_graph", child.port, f"There is no graph {child.graph} that you may see.")
            continue
        yield from _needs(child, child.interface)
        own = _own_ports(child.ports)
        if child.ports.block.open_inputs:
            yield from _input_problems(child, {port.name for port in own.inputs}, child.interface)
        if child.ports.block.open_outputs:
            yield from _output_problems(child, {port.name for port in own.outputs}, child.interface)


def _chosen(spec: GraphSpec, wiring: Wiring) -> Iterator[Child | None]:
    for number, (node, ports) in enumerate(zip(spec.nodes, wiring.ports, strict=True)):
        yield _choice(number, node, ports) if ports and not ports.problem else None


def _choice(number: int, node: NodeSpec, ports: NodePorts) -> Child | None:
    for port in ports.inputs:
        graph = ports.config.get(port.name)
        if port.schema.get("format") == GRAPH["format"] and type(graph) is int:
            return Child(number, node, ports, port.name, graph)
    return None


def _own_ports(ports: NodePorts) -> NodePorts:
    """The ports that the block declares."""
    block, config = ports.block, ports.config
    return NodePorts(block, config, block.input_ports(config), block.output_ports(config))


def _needs(child: Child, found: Interface) -> Iterator[Problem]:
    """What the block relies on: named in the schema of the input that names the graph."""
    port = child.ports.input(child.port)
    schema = port.schema if port else {}
    for kind, wanted, ports in (
        ("input", schema.get("x-inputs", ()), found.inputs),
        ("output", schema.get("x-outputs", ()), found.outputs),
    ):
        known = {one.name: one for one in ports}
        for name in wanted:
            if name not in known:
                yield _at_config(child, f"unknown_{kind}", child.port, _has_no(child, kind, name, known))


def _input_problems(child: Child, own: set[str], found: Interface) -> Iterator[Problem]:
    takes = {port.name: port for port in found.inputs if port.name not in own}
    given = {*child.ports.config, *child.links_in.values()}
    for name in child.ports.config:
        if name not in own and name not in takes:
            yield _at_config(child, "unknown_input", name, _has_no(child, "input", name, takes))
    for link, name in child.links_in.items():
        if name not in own and name not in takes:
            yield _at_link(child, link, "sink_port", _has_no(child, "input", name, takes))
    for name, port in takes.items():
        if port.required and name not in given:
            yield _at_config(child, "missing_input", name, f"{_graph(child)} needs a value or a link for “{name}”.")


def _output_problems(child: Child, own: set[str], found: Interface) -> Iterator[Problem]:
    gives = {port.name: port for port in found.outputs}
    for link, name in child.links_out.items():
        if name not in own and name not in gives and name != ERROR_PORT:
            yield _at_link(child, link, "source_port", _has_no(child, "output", name, gives))


def _has_no(child: Child, kind: str, name: str, known: Mapping[str, object]) -> str:
    return f"{_graph(child)} has no {kind} “{name}”; it has: {', '.join(known) or 'none'}."


def _graph(child: Child) -> str:
    return f"The graph “{child.name}” that {name_of(child.node)} runs"


def _at_config(child: Child, code: str, name: str, detail: str) -> Problem:
    pointer = pointer_to("nodes", child.number, "config", name)
    return Problem(code, pointer, detail, child.node.key, severity="warning")


def _at_link(child: Child, link: int, end: str, detail: str) -> Problem:
    return Problem("unknown_port", pointer_to("links", link, end), detail, child.node.key, link, severity="warning")
