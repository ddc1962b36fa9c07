"""What a graph means, without scheduling: a naive reading of the rules for graphs without merges and cycles.

Every node's runs follow from its sources' values by path; nothing here knows time. `act` decides what a run does from
its node, path and input only, so any right engine must come to the same runs.
"""

import json
import random
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import product
from typing import Any

from agentflow.graphs.spec import GraphSpec, Join, LinkSpec, NodeSpec, OnError, Policy
from blocks.base import BlockError
from executions.engine.commands import Path

STEP_PORTS = ("x", "y", "z", "w")


@dataclass(frozen=True, slots=True)
class Zipped:
    """The loop of the pairs that a node makes."""

    node: str
    one: "Loop"
    other: "Loop"


@dataclass(frozen=True, slots=True)
class Crossed:
    """The inner one of two loops that a node crosses."""

    node: str
    inner: "Loop"


#: The loop of a node's stream, by its key, or one that a node makes of others.
Loop = str | Zipped | Crossed
Stack = tuple[Loop, ...]


@dataclass(slots=True)
class Act:
    """What one run does."""

    yields: list[tuple[str, Any]]
    fails: bool


def act(node: NodeSpec, path: Path, values: dict[str, Any]) -> Act:
    """Yields and failure of a run, drawn from a hash of what it is given."""
    text = json.dumps([node.key, path, values], sort_keys=True)
    chance = random.Random(zlib.crc32(text.encode()))
    fails = chance.random() < 0.1
    if node.block == "each":
        items, keys = chance.choice([(0, 0), (1, 1), (2, 2), (3, 3), (3, 1), (1, 2), (0, 2)])
        yields: list[tuple[str, Any]] = [("item", f"{node.key}{path}#{k}") for k in range(items)]
        yields += [("key", k) for k in range(keys)]
        chance.shuffle(yields)
        if chance.random() < 0.8:
            yields.append(("count", items))
    elif node.block in ("collect", "gather"):
        yields = [("out", values)]
    else:
        yields = [("out", values)] if chance.random() < 0.8 else []
        yields += [("other", len(text))] if chance.random() < 0.5 else []
    return Act(yields[: chance.randrange(len(yields) + 1)] if fails else yields, fails)


def linked(values: dict[str, Any]) -> dict[str, Any]:
    """A run's input without what is only configured."""
    return {port: value for port, value in values.items() if port != "at_once"}


def behaviour(node: NodeSpec):
    """The node's act for `simulate`."""

    def run(run, values) -> Iterator[tuple[str, Any]]:
        done = act(node, run.path, linked(values))
        yield from done.yields
        if done.fails:
            raise BlockError("by chance", retry=False)

    return run


@dataclass(slots=True)
class Meaning:
    """All runs of a graph with their inputs, and the nodes that have none."""

    runs: dict[tuple[str, Path], dict[str, Any]] = field(default_factory=dict)
    failed: set[tuple[str, Path]] = field(default_factory=set)
    skipped: set[str] = field(default_factory=set)


def meaning(spec: GraphSpec, depths: dict[str, int]) -> Meaning:
    """The runs of a graph whose nodes stand in an order in which links lead forward."""
    found = Meaning()
    #: Link -> the values on it by path.
    travelled: dict[int, dict[Path, Any]] = {}
    #: Producer -> paths at which its loop was there.
    looped: dict[str, set[Path]] = {}
    travelling = loops_of(spec)[1]
    #: Node that crosses two loops -> items of the outer one that arrived.
    met: dict[str, set[Path]] = {}
    for node in spec.nodes:
        links = [index for index, link in enumerate(spec.links) if link.sink == node.key]
        ports: dict[str, dict[Path, Any]] = {}
        for index in links:
            link = spec.links[index]
            values = travelled[index]
            if node.block == "collect" and link.sink_port == "items":
                there = _paths_of(travelling[index][-1], looped, met)
                outside = there | {path[:-1] for path in values}
                ports["items"] = {p: [values[q] for q in sorted(values) if q[:-1] == p] for p in outside}
            elif node.block == "gather":
                for path in values:
                    ports.setdefault("values", {}).setdefault(path, []).append(values[path])
                ports.setdefault("values", {})
            else:
                ports[link.sink_port] = values
        depth = depths[node.key]
        crossed = _crossed(
            node, [spec.links[index].sink_port for index in links], [travelling[index] for index in links]
        )
        candidates = {path for values in ports.values() for path in values if len(path) == depth}
        if crossed:
            ways = [set(ports[port]) for port in crossed]
            candidates = {(*one, other[-1]) for one, other in product(*ways) if one[:-1] == other[:-1]}
        for path in sorted(candidates) if links else [()]:
            inputs = {}
            for port, values in ports.items():
                for size in range(depth + 1):
                    seen = (*path[:-2], path[-1]) if crossed and port == crossed[1] else path[:size]
                    if seen in values:
                        inputs[port] = values[seen]
            if len(inputs) == len(ports):
                found.runs[node.key, path] = inputs
        if crossed:
            met[node.key] = set(ports[crossed[0]])
        _emit(spec, node, found, travelled, looped)
        if not any(key == node.key for key, _ in found.runs):
            found.skipped.add(node.key)
    return found


def _crossed(node: NodeSpec, ports: list[str], stacks: list[Stack]) -> list[str]:
    """The two ports whose loops the node crosses, outer one first; [] when it crosses none."""
    if node.join is not Join.CROSS:
        return []
    deepest = max(map(len, stacks))
    found = sorted((port, stack) for port, stack in zip(ports, stacks, strict=True) if len(stack) == deepest)
    return [port for port, _ in found] if len({stack for _, stack in found}) > 1 else []


def _emit(spec, node, found: Meaning, travelled, looped) -> None:
    outgoing = {index: link for index, link in enumerate(spec.links) if link.source == node.key}
    for index in outgoing:
        travelled[index] = {}
    for (key, path), inputs in found.runs.items():
        if key != node.key:
            continue
        done = act(node, path, inputs)
        if done.fails:
            found.failed.add((key, path))
        counts = {"item": 0, "key": 0}
        for port, value in [*done.yields, *([("error", None)] if done.fails else [])]:
            to = path
            if port in counts and node.block == "each":
                to = (*path, counts[port])
                counts[port] += 1
            for index, link in outgoing.items():
                if link.source_port == port:
                    travelled[index][to] = "failed" if port == "error" else value
                elif port == "error" and link.source_port == "error.kind":
                    travelled[index][to] = "block"
        if node.block == "each" and (not done.fails or any(counts.values())):
            looped.setdefault(key, set()).add(path)


def _paths_of(loop: Loop, looped: dict[str, set[Path]], met: dict[str, set[Path]]) -> set[Path]:
    """Where a loop was."""
    if isinstance(loop, str):
        return looped.get(loop, set())
    if isinstance(loop, Zipped):
        return _paths_of(loop.one, looped, met) & _paths_of(loop.other, looped, met)
    inside = _paths_of(loop.inner, looped, met)
    return {path for path in met.get(loop.node, set()) if path[:-1] in inside}


def loops_of(spec: GraphSpec) -> tuple[dict[str, Stack], dict[int, Stack]]:
    """Loops around each node and of the values on each link."""
    stacks: dict[str, Stack] = {}
    travelling: dict[int, Stack] = {}
    blocks = {node.key: node.block for node in spec.nodes}
    for node in spec.nodes:
        around: Stack = ()
        for index, link in enumerate(spec.links):
            if link.sink != node.key:
                continue
            stack = stacks[link.source]
            if blocks[link.source] == "each" and link.source_port in ("item", "key"):
                stack = (*stack, link.source)
            travelling[index] = stack
            taken = stack[:-1] if node.block == "collect" and link.sink_port == "items" else stack
            around = _joined(node, around, taken)
        stacks[node.key] = around
    return stacks, travelling


def _joined(node: NodeSpec, one: Stack, other: Stack) -> Stack:
    """The loops of a node that takes values of both."""
    if node.join is Join.MATCH or one == other[: len(one)] or other == one[: len(other)]:
        return max(one, other, key=len)
    if node.join is Join.CROSS:
        return (*one, Crossed(node.key, other[-1]))
    return (*one[:-1], Zipped(node.key, one[-1], other[-1]))


def draw(
    chance: random.Random, size: int, *, handled: bool = True, throttled: bool = False, joins: bool = False
) -> GraphSpec:
    """A random graph without merges and cycles, valid by construction."""
    nodes: list[NodeSpec] = []
    links: list[LinkSpec] = []
    #: Free ends: node, port, loops.
    ends: list[tuple[str, str, Stack]] = []
    for number in range(size):
        key = f"n{number}"
        around: Stack = ()
        join = Join.MATCH
        inside = [end for end in ends if end[2]]
        block = chance.choice(["step", "step", "step", "each", "collect", "collect", "gather"])
        if not ends or chance.random() < 0.1:
            block = chance.choice(["step", "each"])
        elif block == "collect" and inside:
            end = chance.choice(inside)
            links.append(LinkSpec(end[0], end[1], key, "items"))
            around = end[2][:-1]
            if chance.random() < 0.3:
                around = _link(chance, links, ends, key, ["x"], around)
        elif block == "gather":
            first = chance.choice(ends)
            same = [end for end in ends if end[2] == first[2]]
            for end in chance.sample(same, min(len(same), chance.randint(1, 3))):
                links.append(LinkSpec(end[0], end[1], key, "values"))
            around = first[2]
        elif block == "each":
            around = _link(chance, links, ends, key, ["items"], ())
        elif joins and block == "step" and (pair := _two_loops(chance, ends)):
            join = chance.choice([Join.ZIP, Join.CROSS])
            links += [LinkSpec(end[0], end[1], key, port) for end, port in zip(pair, "xy", strict=True)]
            around = _joined(NodeSpec(key, block, join=join), pair[0][2], pair[1][2])
            if chance.random() < 0.3:
                shared = [end for end in ends if end[2] == around[: len(end[2])] and len(end[2]) < len(pair[0][2])]
                links += [LinkSpec(end[0], end[1], key, "z") for end in shared[:1]]
        else:
            block = "step"
            around = _link(chance, links, ends, key, list(STEP_PORTS[: chance.choice([1, 1, 2, 3])]), ())
        if block == "each" and len(around) > 2:
            block, links = (
                "step",
                [link if link.sink != key else LinkSpec(link.source, link.source_port, key, "x") for link in links],
            )
        config = {"at_once": chance.choice([1, 2])} if block == "each" and throttled and chance.random() < 0.5 else {}
        nodes.append(NodeSpec(key, block, config, policy=Policy(on_error=OnError.CONTINUE), join=join))
        ports = {"each": ["count"], "step": ["out", "other"]}.get(block, ["out"])
        if handled:
            ports = [*ports, "error.kind"]
        ends += [(key, port, around) for port in ports]
        if block == "each":
            ends += [(key, port, (*around, key)) for port in ("item", "key")]
    return GraphSpec(nodes=tuple(nodes), links=tuple(links))


def _two_loops(chance, ends):
    """Two ends in loops that differ in the innermost level only; None when there are none, or by chance."""
    pairs = [
        (one, other)
        for one in ends
        for other in ends
        if one[2] and other[2] and one[2][:-1] == other[2][:-1] and one[2][-1] != other[2][-1]
    ]
    return chance.choice(pairs) if pairs and chance.random() < 0.5 else None


def _link(chance, links, ends, key, ports, around):
    for port in ports:
        fitting = [end for end in ends if end[2][: len(around)] == around or around[: len(end[2])] == end[2]]
        weights = [1 + 2 * len(end[2]) + ends.index(end) / 4 for end in fitting]
        end = chance.choices(fitting, weights)[0]
        links.append(LinkSpec(end[0], end[1], key, port))
        around = max(around, end[2], key=len)
    return around
