"""What a graph with merges and cycles means, without scheduling: a second naive reading of the rules.

The graphs are drawn so that the order of arrival cannot matter: a node that gets several values at one path has one port
for them, its other ports keep one value or come from outside its loop, and streams run once at a path. Then the runs of
a node at a path are a set with repetition, whatever the timing. Cycles end because their values carry fuel.
"""

import json
import random
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import product
from typing import Any

from agentflow.graphs.spec import GraphSpec, LinkSpec, NodeSpec, OnError, Policy
from blocks.base import BlockError
from executions.engine.commands import Path, Run

#: Runs of one graph; bigger ones are not worth their time.
MOST_RUNS = 600
FUEL = 5
DEEPEST = 3
Stack = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class End:
    """An output that something may be linked to."""

    node: str
    port: str
    stack: Stack
    #: May give several values at one path.
    several: bool


@dataclass(slots=True)
class Drawn:
    """A graph, and what its reading needs to know."""

    nodes: list[NodeSpec] = field(default_factory=list)
    links: list[LinkSpec] = field(default_factory=list)
    #: Nodes that are read together, sources first: a cycle, or one node.
    units: list[tuple[str, ...]] = field(default_factory=list)
    #: Link -> the loops that its values are in.
    stacks: dict[LinkSpec, Stack] = field(default_factory=dict)
    ends: list[End] = field(default_factory=list)

    def spec(self) -> GraphSpec:
        return GraphSpec(nodes=tuple(self.nodes), links=tuple(self.links))


# Drawing


def draw(chance: random.Random, size: int) -> Drawn:
    """A random graph, valid by construction."""
    drawn = Drawn()
    while len(drawn.nodes) < size:
        kind = chance.choice(_KINDS) if drawn.ends and chance.random() > 0.1 else _source
        kind(drawn, chance)
    return drawn


def _add(drawn: Drawn, chance: random.Random, block: str, given: Iterable[tuple[End, str]], *, several: bool) -> str:
    """A node with these links."""
    key = f"n{len(drawn.nodes)}"
    around: Stack = ()
    for end, port in given:
        _link(drawn, end, key, port)
        stack = end.stack[:-1] if (block, port) == ("collect", "items") else end.stack
        around = max(around, stack, key=len)
    config: dict[str, Any] = {"name": key} if block == "io.output" else {}
    if block == "each" and chance.random() < 0.3:
        config["at_once"] = chance.choice([1, 2])
    policy = Policy(on_error=OnError.CONTINUE, concurrency=chance.choice([0, 0, 0, 1, 2]))
    drawn.nodes.append(NodeSpec(key, block, config, policy=policy))
    drawn.units.append((key,))
    drawn.ends += [End(key, port, around, several) for port in _PORTS[block]]
    if block == "each":
        drawn.ends += [End(key, port, (*around, key), several=False) for port in ("item", "key")]
    return key


_PORTS = {
    "step": ("out", "other", "error.kind"),
    "each": ("count", "error.kind"),
    "collect": ("out",),
    "gather": ("out",),
    "io.output": (),
}


def _link(drawn: Drawn, end: End, sink: str, port: str) -> None:
    link = LinkSpec(end.node, end.port, sink, port)
    if link not in drawn.stacks:
        drawn.links.append(link)
        drawn.stacks[link] = end.stack


def _pick(chance: random.Random, ends: list[End]) -> End:
    """An end, rather a late and a deep one."""
    return chance.choices(ends, [1 + place / 3 + 2 * len(end.stack) for place, end in enumerate(ends)])[0]


def _same(drawn: Drawn, chance: random.Random, end: End, most: int) -> list[End]:
    """The end and some others of the same loops."""
    others = [one for one in drawn.ends if one.stack == end.stack and one != end]
    return [end, *chance.sample(others, min(len(others), chance.randrange(most)))]


def _outer(drawn: Drawn, stack: Stack, *, single_at: int = -1) -> list[End]:
    """Ends whose values are seen inside these loops; none with several values at paths of this length."""
    seen = [end for end in drawn.ends if end.stack == stack[: len(end.stack)]]
    return [end for end in seen if not (len(end.stack) == single_at and end.several)]


def _source(drawn: Drawn, chance: random.Random) -> None:
    _add(drawn, chance, chance.choice(["step", "each"]), (), several=False)


def _step(drawn: Drawn, chance: random.Random) -> None:
    """Values of several ports that meet: all single at the longest path."""
    first = _pick(chance, drawn.ends)
    given = [(first, "x")]
    several = first.several
    for port in ("y", "z")[: chance.choice([0, 1, 1, 2])]:
        ends = _outer(drawn, first.stack, single_at=len(first.stack))
        if first.several:
            ends = [end for end in ends if len(end.stack) < len(first.stack)]
        if ends:
            given.append((_pick(chance, ends), port))
            several = several or given[-1][0].several
    _add(drawn, chance, "step", given, several=several)


def _merge(drawn: Drawn, chance: random.Random) -> None:
    first = _pick(chance, drawn.ends)
    given = [(end, "x") for end in _same(drawn, chance, first, 3)]
    outer = [end for end in _outer(drawn, first.stack) if len(end.stack) < len(first.stack)]
    if outer and chance.random() < 0.4:
        given.append((_pick(chance, outer), "y"))
    _add(drawn, chance, "step", given, several=True)


def _each(drawn: Drawn, chance: random.Random) -> None:
    ends = [end for end in drawn.ends if not end.several and len(end.stack) < DEEPEST]
    if ends:
        _add(drawn, chance, "each", [(_pick(chance, ends), "items")], several=False)


def _collect(drawn: Drawn, chance: random.Random) -> None:
    inside = [end for end in drawn.ends if end.stack]
    if not inside:
        return
    first = _pick(chance, inside)
    given = [(end, "items") for end in _same(drawn, chance, first, 3)]
    around = first.stack[:-1]
    outer = _outer(drawn, around, single_at=len(around))
    several = False
    if outer and chance.random() < 0.3:
        given.append((_pick(chance, outer), "x"))
        several = given[-1][0].several
    _add(drawn, chance, "collect", given, several=several)


def _gather(drawn: Drawn, chance: random.Random) -> None:
    given = [(end, "values") for end in _same(drawn, chance, _pick(chance, drawn.ends), 4)]
    _add(drawn, chance, "gather", given, several=False)


def _output(drawn: Drawn, chance: random.Random) -> None:
    if ends := [end for end in drawn.ends if not end.several]:
        _add(drawn, chance, "io.output", [(_pick(chance, ends), "value")], several=False)


def _cycle(drawn: Drawn, chance: random.Random) -> None:
    """Up to three nodes in a ring, with chords, ways in, and values from outside that are kept for every lap."""
    before = list(drawn.ends)
    entry = _pick(chance, before)
    size = chance.choice([1, 2, 2, 3])
    ring = []
    for place in range(size):
        given = [(end, "x") for end in (_same(drawn, chance, entry, 2) if not place else [])]
        kept = [end for end in before if end.stack == entry.stack[: len(end.stack)]]
        kept = [end for end in kept if len(end.stack) < len(entry.stack) or not end.several]
        if kept and chance.random() < 0.3:
            given.append((_pick(chance, kept), "y"))
        ring.append(_add(drawn, chance, "step", given, several=True))
    inner = [(ring[place], "out", ring[(place + 1) % size]) for place in range(size)]
    if chance.random() < 0.4:
        inner.append((chance.choice(ring), "other", chance.choice(ring)))
    for source, port, sink in inner:
        _link(drawn, End(source, port, entry.stack, several=True), sink, "x")
    drawn.units[-size:] = [tuple(ring)]
    drawn.ends[:] = before + [
        End(key, port, entry.stack, several=True) for key in ring for port in ("out", "other", "error.kind")
    ]


_KINDS = (_step, _step, _merge, _merge, _each, _each, _collect, _collect, _gather, _cycle, _cycle, _output)


# What runs do


def act(node: NodeSpec, path: Path, values: Mapping[str, Any], *, cyclic: bool) -> tuple[list[tuple[str, Any]], bool]:
    """What a run yields and whether it fails, drawn from a hash of what it is given."""
    text = json.dumps([node.key, path, values], sort_keys=True)
    chance = random.Random(zlib.crc32(text.encode()))
    fails = chance.random() < 0.05
    fuel = min((value["fuel"] for value in values.values() if isinstance(value, dict)), default=FUEL)
    value = {"v": chance.randrange(10_000), "fuel": fuel - 1 if cyclic else FUEL}
    if node.block == "each":
        items, keys = chance.choice([(0, 0), (1, 1), (2, 2), (3, 3), (3, 1), (1, 2), (0, 2)])
        yields: list[tuple[str, Any]] = [("item", {**value, "k": k}) for k in range(items)]
        yields += [("key", k) for k in range(keys)]
        chance.shuffle(yields)
        yields += [("count", items)] if chance.random() < 0.8 else []
    elif node.block == "step":
        yields = [("out", value)] if chance.random() < 0.9 and value["fuel"] > 0 else []
        yields += [("other", value)] if chance.random() < 0.5 and value["fuel"] > 0 else []
    else:
        yields = [("out", value)]
    return (yields[: chance.randrange(len(yields) + 1)] if fails else yields), fails


def seen(run: Run, values: Mapping[str, Any]) -> dict[str, Any]:
    """A run's input where the order of arrival leaves no trace: values of one item or link are in no order."""
    found = {port: value for port, value in values.items() if port not in ("at_once", "name")}
    for port, numbers in run.indices.items():
        pairs = [list(pair) for pair in zip(numbers, found[port], strict=True)]
        assert [pair[0] for pair in pairs] == sorted(numbers)
        found[port] = sorted(pairs, key=text_of)
    return found


def behaviours(drawn: Drawn) -> dict[str, Any]:
    """The acts of all nodes for `simulate`; outputs do what they always do."""
    cyclic = _cyclic(drawn)

    def behaviour(node: NodeSpec) -> Any:
        def run(run: Run, values: dict[str, Any]) -> Iterator[tuple[str, Any]]:
            yields, fails = act(node, run.path, seen(run, values), cyclic=node.key in cyclic)
            yield from yields
            if fails:
                raise BlockError("by chance", retry=False)

        return run

    return {node.key: behaviour(node) for node in drawn.nodes if node.block != "io.output"}


def _cyclic(drawn: Drawn) -> set[str]:
    return {key for unit in drawn.units for key in unit if _inner(drawn, unit)}


def _inner(drawn: Drawn, unit: tuple[str, ...]) -> list[LinkSpec]:
    return [link for link in drawn.links if link.source in unit and link.sink in unit]


def text_of(value: Any) -> str:
    """The same text for the same value."""
    return json.dumps(value, sort_keys=True)


# What it means


#: Path -> the values there, in no order.
Values = dict[Path, list[Any]]


@dataclass(slots=True)
class Meaning:
    """All runs of a graph."""

    #: Node, path, input as text -> how many.
    runs: Counter[tuple[str, Path, str]] = field(default_factory=Counter)
    failed: Counter[tuple[str, Path]] = field(default_factory=Counter)
    outputs: dict[str, Any] = field(default_factory=dict)
    skipped: set[str] = field(default_factory=set)


class TooMany(Exception):
    """The graph has more runs than are worth their time."""


def meaning(drawn: Drawn) -> Meaning:
    """The runs of the graph.

    Raises:
        TooMany: there are very many.
    """
    return _Reading(drawn).read()


class _Reading:
    def __init__(self, drawn: Drawn) -> None:
        self.drawn = drawn
        self.nodes = {node.key: node for node in drawn.nodes}
        self.cyclic = _cyclic(drawn)
        self.travelled: dict[LinkSpec, Values] = {link: {} for link in drawn.links}
        self.looped: dict[str, set[Path]] = {}
        self.found = Meaning()
        #: Values that go on within the cycle that is read.
        self.todo: list[tuple[str, Path, Any]] = []

    def read(self) -> Meaning:
        for unit in self.drawn.units:
            if _inner(self.drawn, unit):
                self.read_cycle(unit)
            else:
                self.read_node(unit[0])
        ran = {key for key, _, _ in self.found.runs}
        self.found.skipped = set(self.nodes) - ran
        for node in self.drawn.nodes:
            if node.block == "io.output":
                self.read_output(node.key)
        return self.found

    def read_node(self, key: str) -> None:
        slots = self.slots(key)
        depth = max((size for size, _ in slots.values()), default=0)
        straight = {port: values for port, (size, values) in slots.items() if size == depth}
        shared = {port: slot for port, slot in slots.items() if slot[0] < depth}
        if not slots:
            self.run(key, (), {})
            return
        for path in set.intersection(*(set(values) for values in straight.values())):
            counts = [len(values[path]) for values in straight.values()]
            assert max(counts) == 1 or len(counts) == 1
            for match in product(*(values[path] for values in straight.values())):
                self.combine(key, path, dict(zip(straight, match, strict=True)), shared)

    def read_cycle(self, unit: tuple[str, ...]) -> None:
        """Every value that comes to the port that the cycle leads to makes a run, with what the other ports keep."""
        slots = {key: self.slots(key) for key in unit}
        for key in unit:
            _, values = slots[key].pop("x", (0, {}))
            self.todo += [(key, path, value) for path, there in values.items() for value in there]
        while self.todo:
            key, path, value = self.todo.pop()
            self.combine(key, path, {"x": value}, slots[key])

    def slots(self, key: str) -> dict[str, tuple[int, Values]]:
        """Port -> the length of its paths, its values."""
        found: dict[str, tuple[int, Values]] = {}
        block = self.nodes[key].block
        ports: dict[str, list[LinkSpec]] = {}
        for link in self.drawn.links:
            if link.sink == key:
                ports.setdefault(link.sink_port, []).append(link)
        for port, links in ports.items():
            stack = self.drawn.stacks[links[0]]
            if (block, port) == ("collect", "items"):
                found[port] = len(stack) - 1, self.collected(links, stack[-1])
            elif block == "gather":
                found[port] = len(stack), self.gathered(links)
            else:
                found[port] = len(stack), self.joined(links)
        return found

    def joined(self, links: list[LinkSpec]) -> Values:
        values: Values = {}
        for link in links:
            for path, there in self.travelled[link].items():
                values.setdefault(path, []).extend(there)
        return values

    def collected(self, links: list[LinkSpec], producer: str) -> Values:
        inside = self.joined(links)
        around = self.looped.get(producer, set()) | {path[:-1] for path in inside}
        return {
            path: [
                sorted(
                    ([item[-1], value] for item in inside if item[:-1] == path for value in inside[item]), key=text_of
                )
            ]
            for path in around
        }

    def gathered(self, links: list[LinkSpec]) -> Values:
        found: Values = {}
        for place, link in enumerate(links):
            for path, there in self.travelled[link].items():
                found.setdefault(path, [[]])[0].extend([place, value] for value in there)
        return {path: [sorted(pairs, key=text_of)] for path, (pairs,) in found.items()}

    def combine(self, key: str, path: Path, given: dict[str, Any], others: dict[str, tuple[int, Values]]) -> None:
        """A run for every combination with the values from outside."""
        choices = [values.get(path[:size], []) for size, values in others.values()]
        for combination in product(*choices):
            self.run(key, path, given | dict(zip(others, combination, strict=True)))

    def run(self, key: str, path: Path, values: dict[str, Any]) -> None:
        node = self.nodes[key]
        self.found.runs[key, path, text_of(values)] += 1
        if self.found.runs.total() > MOST_RUNS:
            raise TooMany
        if node.block == "io.output":
            return
        yields, fails = act(node, path, values, cyclic=key in self.cyclic)
        if fails:
            self.found.failed[key, path] += 1
            yields = [*yields, ("error.kind", "block")]
        if node.block == "each" and (not fails or any(port in ("item", "key") for port, _ in yields)):
            self.looped.setdefault(key, set()).add(path)
        counts: Counter[str] = Counter()
        for port, value in yields:
            to = path
            if node.block == "each" and port in ("item", "key"):
                to = (*path, counts[port])
                counts[port] += 1
            self.send(key, port, to, value)

    def send(self, key: str, port: str, path: Path, value: Any) -> None:
        unit = next(unit for unit in self.drawn.units if key in unit)
        for link in self.drawn.links:
            if (link.source, link.source_port) != (key, port):
                continue
            if link.sink in unit:
                self.todo.append((link.sink, path, value))
            else:
                self.travelled[link].setdefault(path, []).append(value)

    def read_output(self, key: str) -> None:
        (link,) = (link for link in self.drawn.links if link.sink == key)
        stack, values = self.drawn.stacks[link], self.travelled[link]
        if stack and (values or self.looped.get(stack[0])):
            self.found.outputs[key] = [values[path][0] for path in sorted(values)]
        elif values:
            self.found.outputs[key] = values[()][0]
