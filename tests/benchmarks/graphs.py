"""The graphs that are measured, as canonical JSON."""

from typing import Any

Spec = dict[str, Any]


def node(key: str, block: str, **config: Any) -> Spec:
    """One node."""
    return {"key": key, "block": block, "config": config}


def link(source: str, source_port: str, sink: str, sink_port: str) -> Spec:
    """One link."""
    return {"source": source, "source_port": source_port, "sink": sink, "sink_port": sink_port}


def chain(length: int, block: str = "bench.fib") -> Spec:
    """One after the other."""
    nodes = [node(f"n{i}", block) for i in range(length)]
    return {"nodes": nodes, "links": [link(f"n{i}", "value", f"n{i + 1}", "after") for i in range(length - 1)]}


def fan(width: int, block: str = "bench.fib", **config: Any) -> Spec:
    """One source, `width` nodes side by side, one gather."""
    middle = [node(f"n{i}", block, **config) for i in range(width)]
    nodes = [node("source", "core.value", value=1), *middle, node("all", "logic.gather")]
    links = [link("source", "value", f"n{i}", "after") for i in range(width)]
    return {"nodes": nodes, "links": links + [link(f"n{i}", "value", "all", "values") for i in range(width)]}


def loop(items: int) -> Spec:
    """A step for each item, collected."""
    nodes = [
        node("items", "core.value", value=list(range(items))),
        node("each", "logic.for_each"),
        node("step", "bench.fib"),
        node("all", "logic.collect"),
    ]
    links = [link("items", "value", "each", "items"), link("each", "item", "step", "after")]
    return {"nodes": nodes, "links": [*links, link("step", "value", "all", "items")]}


def large(nodes: int) -> Spec:
    """A large value through so many nodes."""
    made = [node(f"n{i}", "bench.large") for i in range(nodes)]
    return {"nodes": made, "links": [link(f"n{i}", "value", f"n{i + 1}", "value") for i in range(nodes - 1)]}


def side_by_side(count: int, block: str, **config: Any) -> Spec:
    """Nodes that have nothing to do with each other."""
    return {"nodes": [node(f"n{i}", block, **config) for i in range(count)], "links": []}
