"""Draw graphs in tests: `graph("rows:each -> work -> all:collect")`."""

from itertools import pairwise
from typing import Any

from pydantic import ConfigDict

from agentflow.graphs.spec import GraphSpec, Join, Limits, LinkSpec, NodeSpec, OnError, Policy
from blocks.base import Block, BlockInput, BlockOutput, Collect, Effect, Gather, Stream


class Step(Block):
    """Passes its inputs on, joined in a list when there are several."""

    id = "step"
    category = "Test"
    effect = Effect.PURE

    class Input(BlockInput):
        x: Any = None
        y: Any = None
        z: Any = None
        w: Any = None
        values: Any = None

    class Output(BlockOutput):
        out: Any
        other: Any

    def run(self, input, context):
        values = [value for name in ("x", "y", "z", "w") if (value := getattr(input, name)) is not None]
        yield "out", values[0] if len(values) == 1 else values


class Each(Block):
    """One item after the other."""

    id = "each"
    category = "Test"

    class Input(BlockInput):
        items: Any = None
        at_once: int = 0

    class Output(BlockOutput):
        item: Stream[Any]
        key: Stream[Any]
        count: int

    def run(self, input, context):
        for number, item in enumerate(input.items or ()):
            yield "item", item
            yield "key", number
        yield "count", len(input.items or ())


class CollectAll(Block):
    """The items of a loop."""

    id = "collect"
    category = "Test"

    class Input(BlockInput):
        items: Collect[Any]
        x: Any = None

    class Output(BlockOutput):
        out: list[Any]
        indices: list[int]

    def run(self, input, context):
        yield "out", input.items
        yield "indices", list(context.indices["items"])


class GatherAll(Block):
    """What living branches gave."""

    id = "gather"
    category = "Test"

    class Input(BlockInput):
        values: Gather[Any]

    class Output(BlockOutput):
        out: list[Any]

    def run(self, input, context):
        yield "out", input.values


class Given(Block):
    """An input of the execution."""

    id = "io.input"
    category = "Test"

    class Input(BlockInput):
        name: str

    class Output(BlockOutput):
        value: Any

    def run(self, input, context):
        yield "value", context.execution_inputs[input.name]


class Result(Block):
    """An output of the execution."""

    id = "io.output"
    category = "Test"

    class Input(BlockInput):
        name: str
        value: Any

    class Output(BlockOutput):
        value: Any

    def run(self, input, context):
        yield "value", input.value


class Typed(Block):
    """Ports of many types."""

    id = "typed"
    category = "Test"

    class Input(BlockInput):
        number: float = 0.0
        whole: int = 0
        text: str = ""
        flag: bool = False
        texts: list[str] = []
        counts: dict[str, int] = {}
        needed: str

    class Output(BlockOutput):
        number: float
        whole: int
        text: str
        flag: bool
        texts: list[str]
        counts: dict[str, int]


class Open(Block):
    """Takes and gives any name: what it gets, it gives under the same name."""

    id = "open"
    category = "Test"
    open_inputs = open_outputs = True

    class Input(BlockInput):
        model_config = ConfigDict(extra="allow")

        known: int = 0

    class Output(BlockOutput):
        first: Any

    def run(self, input, context):
        yield "first", input.known
        yield from (input.model_extra or {}).items()


CORE: tuple[type[Block], ...] = (Step, Each, CollectAll, GatherAll, Given, Result, Typed, Open)


class Blocks:
    """A registry of the blocks above."""

    def __init__(self, *extra: type[Block]) -> None:
        self.blocks: dict[str, type[Block]] = {block.id: block for block in (*CORE, *extra)}

    def find(self, id: str) -> type[Block] | None:
        return self.blocks.get(id)

    def get(self, id: str) -> type[Block]:
        return self.blocks[id]


BLOCKS = Blocks()
_SHORT = {"input": "io.input", "output": "io.output"}
_SINKS = {"each": ["items"], "collect": ["items", "x"], "gather": ["values"] * 100, "io.output": ["value"]}
_SOURCES = {"each": "item", "io.input": "value", "io.output": "value"}
_MERGED = {"each", "io.output"}
_POLICY = {"retries", "timeout_seconds", "on_error", "concurrency"}


def graph(drawing: str, /, *, limits: Limits | None = None, **configs: dict[str, Any]) -> GraphSpec:
    """The graph of a drawing.

    `;` separates chains. A node is `name`, or `name:block` where it is first named; the block is `step` unless given. A link's
    ends are `out` and the next free of `x`, `y`, `z`, `w`, or as written: `a.other -> b.x`. `configs` gives config and policy
    by node.
    """
    blocks: dict[str, str] = {}
    links: list[LinkSpec] = []
    taken: dict[str, int] = {}

    def read(end: str) -> tuple[str, str]:
        node, _, port = end.strip().partition(".")
        name, _, block = node.partition(":")
        blocks.setdefault(name, _SHORT.get(block, block) or "step")
        return name, port

    for chain in drawing.split(";"):
        ends = [read(end) for end in chain.split("->")]
        for (source, source_port), (sink, sink_port) in pairwise(ends):
            # In the middle of a chain a written port is the sink's.
            source_port = source_port if ends[0] == (source, source_port) else ""
            ports = _SINKS.get(blocks[sink], ["x", "y", "z", "w"])
            if not sink_port:
                sink_port = ports[0] if blocks[sink] in _MERGED else ports[taken.get(sink, 0)]
                taken[sink] = taken.get(sink, 0) + 1
            links.append(LinkSpec(source, source_port or _SOURCES.get(blocks[source], "out"), sink, sink_port))
    return GraphSpec(
        nodes=tuple(_node(name, block, configs.get(name, {})) for name, block in blocks.items()),
        links=tuple(links),
        limits=limits or Limits(),
    )


def _node(name: str, block: str, given: dict[str, Any]) -> NodeSpec:
    config = {key: value for key, value in given.items() if key not in _POLICY and key != "join"}
    policy = {key: value for key, value in given.items() if key in _POLICY}
    if "on_error" in policy:
        policy["on_error"] = OnError(policy["on_error"])
    if block in ("io.input", "io.output"):
        config.setdefault("name", name)
    return NodeSpec(name, block, config, policy=Policy(**policy), join=Join(given.get("join", "match")))
