"""What a graph takes and gives when it is run: its inputs and outputs as ports."""

from collections.abc import Sequence
from dataclasses import dataclass

from agentflow.graphs.ports import ANYTHING, NodePorts, PortRef, Registry
from agentflow.graphs.spec import GraphSpec
from agentflow.graphs.wiring import Wiring, read_wiring
from blocks.base import PORT_NAME, Port, title_of
from blocks.types import Schema, step

INPUT_BLOCK, OUTPUT_BLOCK = "io.input", "io.output"
VALUE_PORT = "value"


@dataclass(frozen=True, slots=True)
class Interface:
    """Inputs and outputs in the order of their nodes."""

    inputs: tuple[Port, ...] = ()
    outputs: tuple[Port, ...] = ()


def interface(spec: GraphSpec, registry: Registry) -> Interface:
    """The graph's inputs and outputs; of two nodes with one name the first counts. O(nodes + links)."""
    wiring = read_wiring(spec, registry)
    sources: dict[int, list[PortRef]] = {}
    for joint, wire in zip(wiring.joints, wiring.wires, strict=True):
        if spec.nodes[wire.sink].block == OUTPUT_BLOCK:
            sources.setdefault(wire.sink, []).append(joint.source)
    inputs: dict[str, Port] = {}
    outputs: dict[str, Port] = {}
    for number, node in enumerate(spec.nodes):
        ports = wiring.ports[number]
        name = ports.config.get("name") if ports else None
        if not ports or not isinstance(name, str) or not PORT_NAME.fullmatch(name):
            continue
        if node.block == INPUT_BLOCK:
            inputs.setdefault(name, _input(name, ports))
        elif node.block == OUTPUT_BLOCK:
            schema = _output_schema(wiring, number, sources.get(number, ()))
            outputs.setdefault(name, Port(name=name, schema=schema, title=title_of(name)))
    return Interface(tuple(inputs.values()), tuple(outputs.values()))


def _input(name: str, ports: NodePorts) -> Port:
    default, given = ports.config.get("default"), ports.output(VALUE_PORT)
    return Port(
        name=name,
        schema=given.schema if given else ANYTHING,
        required=ports.config.get("required") is True and default is None,
        default=default,
        title=title_of(name),
        description=str(ports.config.get("description", "")),
    )


def _output_schema(wiring: Wiring, number: int, sources: Sequence[PortRef]) -> Schema:
    """What the links into an output node give; in a loop the list of it."""
    schema = _linked_schema(sources)
    if not wiring.structure.loops[number]:
        return schema
    items = {name: member for name, member in schema.items() if name != "$defs"}
    return {"type": "array", "items": items, **({"$defs": schema["$defs"]} if "$defs" in schema else {})}


def _linked_schema(sources: Sequence[PortRef]) -> Schema:
    """What the only source gives; anything when there are several or none."""
    if len(sources) != 1:
        return ANYTHING
    schema: Schema | None = sources[0].port.schema
    for part in sources[0].parts:
        schema = step(schema or ANYTHING, part)
    return schema or ANYTHING
