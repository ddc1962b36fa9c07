"""The inputs of an execution: what its `io.input` nodes ask for against what was given."""

from collections.abc import Iterable, Mapping
from typing import Any

from agentflow.graphs.spec import GraphSpec, NodeSpec
from blocks.io import SCHEMAS
from blocks.types import ConversionError, convert

INPUT_BLOCK = "io.input"


class InputsRefused(Exception):
    """What was given does not fit; `problems` are `{pointer, detail}`."""

    def __init__(self, problems: list[dict[str, str]]) -> None:
        super().__init__("; ".join(problem["detail"] for problem in problems))
        self.problems = problems


def input_nodes(spec: GraphSpec) -> tuple[NodeSpec, ...]:
    """The nodes that ask for the execution's inputs."""
    return tuple(node for node in spec.nodes if node.block == INPUT_BLOCK)


def resolve_inputs(asked: Iterable[NodeSpec], given: Mapping[str, Any]) -> dict[str, Any]:
    """A value for every input that these nodes ask for: what was given, converted; else the default; else null.

    Raises:
        InputsRefused: required ones are missing, unknown ones given, or values do not fit.
    """
    nodes = {str(node.config.get("name", "")): node for node in asked}
    problems = [
        {"pointer": _pointer(name), "detail": f"The graph has no input “{name}”. {_known(nodes)}"}
        for name in given
        if name not in nodes
    ]
    resolved: dict[str, Any] = {}
    for name, node in nodes.items():
        try:
            resolved[name] = _value(node, given[name]) if name in given else _default(node)
        except ConversionError as error:
            problems.append({"pointer": _pointer(name), "detail": f"“{name}”: {error}"})
    if problems:
        raise InputsRefused(problems)
    return resolved


def _value(node: NodeSpec, value: Any) -> Any:
    if value is None and not node.config.get("required"):
        return _default(node)
    return convert(value, SCHEMAS.get(str(node.config.get("type", "any")), {}))


def _default(node: NodeSpec) -> Any:
    default = node.config.get("default")
    if default is None and node.config.get("required"):
        raise ConversionError("a value is needed")
    return default if default is None else convert(default, SCHEMAS.get(str(node.config.get("type", "any")), {}))


def _known(nodes: Mapping[str, NodeSpec]) -> str:
    return f"It has: {', '.join(nodes)}." if nodes else "It has none."


def _pointer(name: str) -> str:
    return "#/inputs/" + name.replace("~", "~0").replace("/", "~1")
