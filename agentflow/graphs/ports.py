"""Ports of a node and what a link's ends name: a port, perhaps a part of its values or a member of its input."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Protocol

from agentflow.graphs.spec import NodeSpec
from blocks.base import ERROR_PORT, PORT_NAME, Block, Port, title_of

#: Schema of a port that takes or gives any value.
ANYTHING: Final[Mapping[str, Any]] = {}
#: The implicit output of every block.
ERROR = Port(
    name=ERROR_PORT,
    title="Error",
    description="What went wrong, after the last attempt.",
    schema={
        "type": "object",
        "properties": {
            "message": {"type": "string"},
            "kind": {"type": "string"},
            "block": {"type": "string"},
            "attempt": {"type": "integer"},
        },
    },
)


class Registry(Protocol):
    """Where block classes are found."""

    def find(self, id: str, /) -> type[Block] | None:
        """The block class, or None when nobody declares this id."""
        ...


@dataclass(frozen=True, slots=True)
class NodePorts:
    """A node's block and its ports under the node's config."""

    block: type[Block]
    #: The node's config as the block's present version writes it.
    config: Mapping[str, Any]
    inputs: tuple[Port, ...]
    #: As the block declares them: without the implicit error port.
    outputs: tuple[Port, ...]
    #: Why the config gives no ports; then these are the ports without config.
    problem: str = ""

    def rank(self, name: str) -> int:
        """Position of an input port; one that is only linked comes after all others."""
        return next((place for place, port in enumerate(self.inputs) if port.name == name), len(self.inputs))

    def input(self, name: str) -> Port | None:
        """The input port of this name."""
        return next((port for port in self.inputs if port.name == name), None)

    def output(self, name: str) -> Port | None:
        """The output port of this name, the error port included."""
        return next((port for port in self.outputs if port.name == name), ERROR if name == ERROR_PORT else None)


@dataclass(frozen=True, slots=True)
class PortRef:
    """One end of a link: a port and the steps into its value."""

    port: Port
    parts: tuple[str, ...] = ()


def ports_of(node: NodeSpec, registry: Registry) -> NodePorts | None:
    """The node's ports; None when its block is unknown."""
    block = registry.find(node.block)
    if block is None:
        return None
    config = node.config
    try:
        if node.block_version < block.version:
            config = block.migrate(dict(config), node.block_version)
        ports = NodePorts(block, config, block.input_ports(config), block.output_ports(config))
        return with_ports(ports, inputs=_given(config)) if block.open_inputs else ports
    except Exception as error:  # noqa: BLE001 - anybody's block, anybody's config: the editor must still open
        inputs, outputs = _default_ports(block.input_ports), _default_ports(block.output_ports)
        return NodePorts(block, config, inputs, outputs, f"The block cannot read this config: {error}")


def _given(config: Mapping[str, Any]) -> Iterator[Port]:
    """A port for whatever the config gives a block that takes any name."""
    return (open_port(name) for name in config if PORT_NAME.fullmatch(name))


def _default_ports(ports: Callable[[Mapping[str, Any]], tuple[Port, ...]]) -> tuple[Port, ...]:
    try:
        return ports({})
    except Exception:  # noqa: BLE001 - then the node shows as one without ports
        return ()


def source_ref(ports: NodePorts, text: str) -> PortRef | None:
    """The output port that `text` names and the part reached into: `response.body.title`.

    The longest port name wins, so ports whose names have dots can be linked.
    """
    return _ref((*ports.outputs, ERROR), text) or (_open_ref(text) if ports.block.open_outputs else None)


def sink_ref(ports: NodePorts, text: str) -> PortRef | None:
    """The input port that `text` names and the member of it: `values.name`, `items.2`."""
    return _ref(ports.inputs, text) or (_open_ref(text) if ports.block.open_inputs else None)


def with_ports(ports: NodePorts, *, inputs: Iterable[Port] = (), outputs: Iterable[Port] = ()) -> NodePorts:
    """The same with more ports; one whose name is there already is left out."""
    return replace(ports, inputs=_joined(ports.inputs, inputs), outputs=_joined(ports.outputs, outputs))


def open_port(name: str) -> Port:
    """A port of which nothing is known but that somebody has named it."""
    return Port(name=name, schema=ANYTHING, title=title_of(name))


def _joined(ports: tuple[Port, ...], more: Iterable[Port]) -> tuple[Port, ...]:
    named = {port.name: port for port in ports}
    for port in more:
        named.setdefault(port.name, port)
    return tuple(named.values())


def _open_ref(text: str) -> PortRef | None:
    """Everything up to the first dot is the port."""
    name, dot, rest = text.partition(".")
    if not PORT_NAME.fullmatch(name):
        return None
    return PortRef(open_port(name), tuple(rest.split(".")) if dot else ())


def _ref(ports: tuple[Port, ...], text: str) -> PortRef | None:
    named = {port.name: port for port in reversed(ports)}
    name = text
    while name not in named:
        name, dot, _ = name.rpartition(".")
        if not dot:
            return None
    return PortRef(named[name], tuple(text[len(name) + 1 :].split(".")) if name != text else ())
