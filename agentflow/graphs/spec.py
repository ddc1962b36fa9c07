"""What a graph is, as plain data: specs, canonical JSON in and out, content hash."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Any

from agentflow.graphs.reading import Problems, Reader, read_object


class OnError(StrEnum):
    """What an unhandled failure of a node does to its execution."""

    STOP = "stop"
    CONTINUE = "continue"


class Join(StrEnum):
    """How inputs from different loops meet in a node."""

    MATCH = "match"
    ZIP = "zip"
    CROSS = "cross"


@dataclass(frozen=True, slots=True)
class Policy:
    """How a node is run; zero means no limit."""

    retries: int = 0
    timeout_seconds: float = 0
    on_error: OnError = OnError.STOP
    concurrency: int = 0


@dataclass(frozen=True, slots=True)
class NodeSpec:
    """One use of a block."""

    key: str
    block: str
    config: Mapping[str, Any] = field(default_factory=dict)
    title: str = ""
    policy: Policy = Policy()
    join: Join = Join.MATCH
    #: The block's version when the config was last written.
    block_version: int = 1
    #: What the node gives instead of running: values by port, items of a stream as a list; None: it runs.
    pinned: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True, order=True)
class LinkSpec:
    """Source node and port -> sink node and port; ports may reach into values (`body.title`, `items.2`)."""

    source: str
    source_port: str
    sink: str
    sink_port: str


@dataclass(frozen=True, slots=True)
class Limits:
    """When an execution of this graph is stopped with a clear reason; defaults of DESIGN §3.1."""

    laps: int = 1_000
    node_executions: int = 1_000_000
    seconds: float = 0
    #: Executions that start each other.
    depth: int = 16
    #: Items that one run of a stream may yield.
    items: int = 100_000
    #: Largest value that a node may give; 0: what the server allows.
    value_bytes: int = 0


@dataclass(frozen=True, slots=True)
class GraphSpec:
    """A whole graph; the order of links is the order they were drawn (it decides Gather order)."""

    name: str = ""
    description: str = ""
    nodes: tuple[NodeSpec, ...] = ()
    links: tuple[LinkSpec, ...] = ()
    layout: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    annotations: tuple[Mapping[str, Any], ...] = ()
    limits: Limits = Limits()

    @classmethod
    def from_json(cls, data: object, pointer: str = "#") -> "GraphSpec":
        """The graph that canonical JSON describes; members that are left out have their defaults.

        `pointer` is where the JSON stands in what was sent.

        Raises:
            SpecError: it describes none; every mistake with its pointer.
        """
        problems = Problems()
        spec = _graph(Reader(data, pointer, problems))
        if problems:
            raise SpecError(problems.found)
        return spec


#: Bounds of a graph; JSON past them is refused before anything is stored.
MAX_NODES = 20_000
MAX_LINKS = 100_000
MAX_ANNOTATIONS = 1_000
MAX_CONFIG_BYTES = 1_000_000
MAX_NAME = 200
MAX_KEY = 100
MAX_PORT = 300
MAX_DESCRIPTION = 20_000
#: Farthest place on the canvas from its middle.
MAX_COORDINATE = 1e7


class SpecError(Exception):
    """The JSON is not a graph; `problems` says where, as `{pointer, detail}`."""

    def __init__(self, problems: list[dict[str, str]]) -> None:
        super().__init__("; ".join(f"{p['pointer']}: {p['detail']}" for p in problems))
        self.problems = problems


def to_json(spec: GraphSpec) -> dict[str, Any]:
    """Canonical JSON: nodes and links in their order, policy and limits without their defaults."""
    return {
        "name": spec.name,
        "description": spec.description,
        "nodes": [node_json(node) for node in spec.nodes],
        "links": [link_json(link) for link in spec.links],
        "layout": {key: list(place) for key, place in spec.layout.items()},
        "annotations": [dict(annotation) for annotation in spec.annotations],
        "limits": changed_fields(spec.limits, Limits()),
    }


def node_json(node: NodeSpec) -> dict[str, Any]:
    """One node of the canonical JSON; "pinned" only when something is."""
    pinned = {} if node.pinned is None else {"pinned": dict(node.pinned)}
    return {
        "key": node.key,
        "block": node.block,
        "block_version": node.block_version,
        "config": dict(node.config),
        "title": node.title,
        "policy": changed_fields(node.policy, Policy()),
        "join": node.join.value,
        **pinned,
    }


def link_json(link: LinkSpec) -> dict[str, str]:
    """One link of the canonical JSON."""
    return {"source": link.source, "source_port": link.source_port, "sink": link.sink, "sink_port": link.sink_port}


def changed_fields(value: Policy | Limits, default: Policy | Limits) -> dict[str, Any]:
    """The fields that differ from the default's."""
    members = {item.name: getattr(value, item.name) for item in fields(value)}
    return {
        name: str(member) if isinstance(member, StrEnum) else member
        for name, member in members.items()
        if member != getattr(default, name)
    }


def content_hash(spec: GraphSpec) -> str:
    """SHA-256 of what a run can depend on or show; moving nodes and writing notes does not change it."""
    content = to_json(spec)
    del content["layout"], content["annotations"]
    content["nodes"].sort(key=lambda node: node["key"])
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def read_node(reader: Reader) -> NodeSpec:
    """One node; mistakes go to the reader's problems."""
    reader.refuse_unknown(("key", "block", "block_version", "config", "title", "policy", "join", "pinned"))
    return NodeSpec(
        key=reader.text("key", longest=MAX_KEY, required=True),
        block=reader.text("block", longest=MAX_KEY, required=True),
        config=reader.json_object("config", largest_bytes=MAX_CONFIG_BYTES),
        title=reader.text("title", longest=MAX_NAME),
        policy=read_policy(reader.inside("policy")),
        join=reader.choice("join", Join.MATCH),
        block_version=reader.integer("block_version", 1, smallest=1, largest=1_000_000),
        pinned=read_pinned(reader),
    )


def read_pinned(reader: Reader) -> dict[str, Any] | None:
    """The member "pinned"; null and left out are the same: nothing is pinned."""
    if reader.members.get("pinned") is None:
        return None
    return reader.json_object("pinned", largest_bytes=MAX_CONFIG_BYTES)


def read_policy(reader: Reader) -> Policy:
    """How a node is run."""
    reader.refuse_unknown(item.name for item in fields(Policy))
    return Policy(
        retries=reader.integer("retries", 0, smallest=0, largest=1_000),
        timeout_seconds=reader.number("timeout_seconds", 0, smallest=0, largest=31_536_000),
        on_error=reader.choice("on_error", OnError.STOP),
        concurrency=reader.integer("concurrency", 0, smallest=0, largest=100_000),
    )


def read_link(reader: Reader) -> LinkSpec:
    """One link; whether its nodes exist is the caller's question."""
    reader.refuse_unknown(("source", "source_port", "sink", "sink_port"))
    return LinkSpec(
        source=reader.text("source", longest=MAX_KEY, required=True),
        source_port=reader.text("source_port", longest=MAX_PORT, required=True),
        sink=reader.text("sink", longest=MAX_KEY, required=True),
        sink_port=reader.text("sink_port", longest=MAX_PORT, required=True),
    )


def read_limits(reader: Reader) -> Limits:
    """When an execution is stopped."""
    reader.refuse_unknown(item.name for item in fields(Limits))
    default = Limits()
    return Limits(
        laps=reader.integer("laps", default.laps, smallest=1, largest=10**9),
        node_executions=reader.integer("node_executions", default.node_executions, smallest=1, largest=10**9),
        seconds=reader.number("seconds", default.seconds, smallest=0, largest=10**9),
        depth=reader.integer("depth", default.depth, smallest=1, largest=1_000),
        items=reader.integer("items", default.items, smallest=1, largest=10**9),
        value_bytes=reader.integer("value_bytes", default.value_bytes, smallest=0, largest=10**12),
    )


def read_place(value: object, pointer: str, problems: Problems) -> tuple[float, float]:
    """Where a node stands: `[x, y]`."""
    if not isinstance(value, list | tuple) or len(value) != 2:
        problems.add(pointer, "Must be a list of two numbers, [x, y].")
        return (0, 0)
    ends = Reader({"0": value[0], "1": value[1]}, pointer, problems)
    x, y = (ends.number(end, 0, smallest=-MAX_COORDINATE, largest=MAX_COORDINATE) for end in "01")
    return (x, y)


def read_annotations(reader: Reader, name: str = "annotations") -> tuple[dict[str, Any], ...]:
    """Notes and frames on the canvas: any objects, bounded."""
    return tuple(
        read_object(value, pointer, reader.problems, largest_bytes=MAX_CONFIG_BYTES)
        for pointer, value in reader.items(name, most=MAX_ANNOTATIONS)
    )


def _graph(reader: Reader) -> GraphSpec:
    reader.refuse_unknown(item.name for item in fields(GraphSpec))
    nodes = _nodes(reader)
    return GraphSpec(
        name=reader.text("name", longest=MAX_NAME, required=bool(reader.members.get("name"))),
        description=reader.text("description", longest=MAX_DESCRIPTION),
        nodes=tuple(nodes.values()),
        links=_links(reader, nodes),
        layout=_layout(reader.inside("layout"), nodes),
        annotations=read_annotations(reader),
        limits=read_limits(reader.inside("limits")),
    )


def _nodes(reader: Reader) -> dict[str, NodeSpec]:
    nodes: dict[str, NodeSpec] = {}
    for pointer, value in reader.items("nodes", most=MAX_NODES):
        node = read_node(Reader(value, pointer, reader.problems))
        if node.key and node.key in nodes:
            reader.problems.add(f"{pointer}/key", f"Another node has the key “{node.key}”.")
        nodes[node.key] = node
    return nodes


def _links(reader: Reader, nodes: Mapping[str, NodeSpec]) -> tuple[LinkSpec, ...]:
    links: dict[LinkSpec, None] = {}
    for pointer, value in reader.items("links", most=MAX_LINKS):
        link = read_link(Reader(value, pointer, reader.problems))
        for end, key in (("source", link.source), ("sink", link.sink)):
            if key and key not in nodes:
                reader.problems.add(f"{pointer}/{end}", f"No node has the key “{key}”.")
        if link in links and link.source:
            reader.problems.add(pointer, "The same link is there twice.")
        links[link] = None
    return tuple(links)


def _layout(reader: Reader, nodes: Mapping[str, NodeSpec]) -> dict[str, tuple[float, float]]:
    """Places of known nodes; one left over from a node that was deleted by hand does no harm."""
    return {
        key: read_place(value, reader.at(key), reader.problems) for key, value in reader.members.items() if key in nodes
    }
