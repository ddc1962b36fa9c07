"""Graphs of many shapes whose results do not depend on timing, and what a run without faults gives."""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import orjson
from django.contrib.auth.models import User

from agentflow.graphs.models import Graph
from agentflow.graphs.services import create_graph, version_for_run
from agentflow.graphs.spec import GraphSpec, Join, LinkSpec, NodeSpec, Policy
from blocks.registry import registry
from executions.engine.plan import Plan, compile_plan
from executions.engine.simulate import simulate
from executions.engine.status import Status

#: The other side refuses a request now and then.
AGAIN = Policy(retries=6)
#: More than a worker keeps in memory while it waits.
PARKED_SECONDS = 5.2

Inputs = dict[str, Any]
RunKey = tuple[str, tuple[int, ...], int]


@dataclass(frozen=True, slots=True)
class Shape:
    """A kind of graph, and inputs for it."""

    spec: GraphSpec
    inputs: Callable[[random.Random], Inputs]
    #: How often it is chosen.
    weight: int = 10


@dataclass(frozen=True, slots=True)
class Truth:
    """What a run without faults gives: its status, its outputs, and the status of each row."""

    status: Status
    outputs: Mapping[str, Any]
    rows: Mapping[RunKey, Status]


class Workload:
    """The graphs in the database, executions to start, and their truth."""

    def __init__(self, owner: User, *, only: frozenset[str] = frozenset()) -> None:
        parts = {name: create_graph(owner=owner, spec=spec) for name, spec in PARTS.items()}
        shapes = _shapes({name: graph.pk for name, graph in parts.items()})
        self._shapes = {name: shape for name, shape in shapes.items() if not only or name in only}
        self.graphs = {name: create_graph(owner=owner, spec=shape.spec) for name, shape in self._shapes.items()}
        self.versions = {graph.pk: version_for_run(graph, owner) for graph in self.graphs.values()}
        specs = {graph.pk: PARTS[name] for name, graph in parts.items()}
        specs |= {graph.pk: self._shapes[name].spec for name, graph in self.graphs.items()}
        self._truths = _Truths(specs)

    def choose(self, chance: random.Random) -> tuple[Graph, Inputs]:
        """A graph and inputs for one execution."""
        names = list(self._shapes)
        (name,) = chance.choices(names, [self._shapes[name].weight for name in names])
        return self.graphs[name], self._shapes[name].inputs(chance)

    def truth(self, graph: int, inputs: Mapping[str, Any]) -> Truth:
        """What an execution of this graph must come to."""
        return self._truths.of(graph, inputs)


@dataclass(slots=True)
class _Truths:
    specs: Mapping[int, GraphSpec]
    _plans: dict[int, Plan] = field(default_factory=dict)
    _known: dict[tuple[int, bytes], Truth] = field(default_factory=dict)

    def of(self, graph: int, inputs: Mapping[str, Any]) -> Truth:
        key = graph, orjson.dumps(inputs, option=orjson.OPT_SORT_KEYS)
        if key not in self._known:
            self._known[key] = self._simulated(graph, inputs)
        return self._known[key]

    def _simulated(self, graph: int, inputs: Mapping[str, Any]) -> Truth:
        plan = self._plans.setdefault(graph, compile_plan(self.specs[graph], registry()))
        trace = simulate(plan, registry(), inputs, graphs=self.specs, decisions={"ask": {"decision": "approved"}})
        rows = {key: row.status for key, row in trace.rows.items()}
        rows |= {(node, (), 0): Status.SKIPPED for node in trace.skipped}
        return Truth(trace.status, trace.outputs, rows)


def _graph(name: str, nodes: dict[str, Any], links: str) -> GraphSpec:
    """`nodes`: key -> (block, config, policy or join…); `links`: "a.value -> b.value; …"."""
    made = []
    for key, (block, config, *rest) in nodes.items():
        policy = next((part for part in rest if isinstance(part, Policy)), Policy())
        join = next((part for part in rest if isinstance(part, Join)), Join.MATCH)
        made.append(NodeSpec(key, block, config, policy=policy, join=join))
    ends = [[end.strip().split(".", 1) for end in link.split("->")] for link in links.split(";") if link.strip()]
    return GraphSpec(name=name, nodes=tuple(made), links=tuple(LinkSpec(*a, *b) for a, b in ends))


def _number(name: str = "n") -> tuple[str, dict[str, Any]]:
    return "io.input", {"name": name, "type": "number"}


def _list(name: str) -> tuple[str, dict[str, Any]]:
    return "io.input", {"name": name, "type": "list"}


def _out(name: str = "out") -> tuple[str, dict[str, Any]]:
    return "io.output", {"name": name}


def _calculate(operation: str, b: int) -> tuple[str, dict[str, Any]]:
    return "math.calculate", {"operation": operation, "b": b}


def _some_number(chance: random.Random) -> Inputs:
    return {"n": chance.randrange(20)}


def _some_items(chance: random.Random) -> Inputs:
    return {"items": [chance.randrange(9) for _ in range(chance.randrange(5))]}


def _some_rows(chance: random.Random) -> Inputs:
    return {"rows": [[chance.randrange(3) for _ in range(chance.randrange(4))] for _ in range(chance.randrange(1, 4))]}


#: Graphs that others run.
PARTS: Mapping[str, GraphSpec] = {
    "adder": _graph(
        "Adder",
        {
            "item": _number("item"),
            "accumulator": _number("accumulator"),
            "add": ("math.calculate", {"operation": "add"}),
            "post": ("fault.post", {}, AGAIN),
            "out": _out("accumulator"),
        },
        "item.value -> add.a; accumulator.value -> add.b; add.result -> post.value; post.value -> out.value",
    ),
    "doubler": _graph(
        "Doubler",
        {
            "n": _number(),
            "double": _calculate("multiply", 2),
            "slow": ("fault.slow", {"seconds": 0.1}),
            "out": _out("doubled"),
        },
        "n.value -> double.a; double.result -> slow.value; slow.value -> out.value",
    ),
}


def _shapes(parts: Mapping[str, int]) -> dict[str, Shape]:
    return {
        "chain": Shape(
            _graph(
                "Chain of effects",
                {
                    "n": _number(),
                    "add": _calculate("add", 1),
                    "first": ("fault.post", {}, AGAIN),
                    "double": _calculate("multiply", 2),
                    "slow": ("fault.slow", {"seconds": 0.2}),
                    "thread": ("fault.post_thread", {}, AGAIN),
                    "second": ("fault.post", {}, AGAIN),
                    "out": _out(),
                },
                "n.value -> add.a; add.result -> first.value; first.value -> double.a; double.result -> slow.value; "
                "slow.value -> thread.value; thread.value -> second.value; second.value -> out.value",
            ),
            _some_number,
            weight=20,
        ),
        "once": Shape(
            _graph(
                "Effects that happen once",
                {
                    "n": _number(),
                    "first": ("fault.once", {}, AGAIN),
                    "slow": ("fault.slow", {"seconds": 0.05}),
                    "second": ("fault.once", {}, AGAIN),
                    "out": _out(),
                },
                "n.value -> first.value; first.value -> slow.value; slow.value -> second.value; second.value -> out.value",
            ),
            _some_number,
            weight=20,
        ),
        "fan": Shape(
            _graph(
                "Fan",
                {
                    "n": _number(),
                    **{f"slow{i}": ("fault.slow", {"seconds": 0.05 * i}) for i in range(6)},
                    **{f"add{i}": _calculate("add", i) for i in range(6)},
                    "all": ("logic.gather", {}),
                    "post": ("fault.post", {}, AGAIN),
                    "out": _out(),
                },
                "; ".join(
                    f"n.value -> slow{i}.value; slow{i}.value -> add{i}.a; add{i}.result -> all.values"
                    for i in range(6)
                )
                + "; all.values -> post.value; post.value -> out.value",
            ),
            _some_number,
        ),
        "loops": Shape(
            _graph(
                "Loop in a loop",
                {
                    "rows": _list("rows"),
                    "row": ("logic.for_each", {"at_once": 2}),
                    "cell": ("logic.for_each", {}),
                    "post": ("fault.post", {}, AGAIN),
                    "add": _calculate("add", 1),
                    "cells": ("logic.collect", {}),
                    "all": ("logic.collect", {}),
                    "out": _out(),
                },
                "rows.value -> row.items; row.item -> cell.items; cell.item -> post.value; post.value -> add.a; "
                "add.result -> cells.items; cells.items -> all.items; all.items -> out.value",
            ),
            _some_rows,
        ),
        "drip": Shape(
            _graph(
                "Stream",
                {
                    "n": _number(),
                    "count": _calculate("modulo", 7),
                    "drip": ("fault.drip", {}),
                    "post": ("fault.post", {}, AGAIN),
                    "all": ("logic.collect", {}),
                    "out": _out(),
                },
                "n.value -> count.a; count.result -> drip.count; drip.item -> post.value; post.value -> all.items; "
                "all.items -> out.value",
            ),
            _some_number,
        ),
        "pairs": Shape(
            _graph(
                "Pairs and crossings",
                {
                    "items": _list("items"),
                    "left": ("logic.for_each", {}),
                    "right": ("fault.drip", {"count": 3, "seconds": 0.05}),
                    "zip": ("math.calculate", {"operation": "add"}, Join.ZIP),
                    "cross": ("math.calculate", {"operation": "multiply"}, Join.CROSS),
                    "pairs": _out("pairs"),
                    "products": _out("products"),
                },
                "items.value -> left.items; left.item -> zip.a; right.item -> zip.b; left.item -> cross.a; "
                "right.item -> cross.b; zip.result -> pairs.value; cross.result -> products.value",
            ),
            _some_items,
        ),
        "laps": Shape(
            _graph(
                "Laps",
                {
                    "n": _number(),
                    "few": _calculate("modulo", 5),
                    "begin": ("logic.merge", {}),
                    "post": ("fault.post", {}, AGAIN),
                    "less": _calculate("subtract", 1),
                    "more": ("logic.if", {"operator": ">", "other": 0}),
                    "out": _out(),
                },
                "n.value -> few.a; few.result -> begin.value; begin.value -> post.value; post.value -> less.a; "
                "less.result -> more.value; more.true -> begin.value; more.false -> out.value",
            ),
            _some_number,
        ),
        "retries": Shape(
            _graph(
                "Second attempt",
                {"n": _number(), "flaky": ("fault.flaky", {"failures": 1}, Policy(retries=3)), "out": _out()},
                "n.value -> flaky.value; flaky.value -> out.value",
            ),
            _some_number,
        ),
        "handled": Shape(
            _graph(
                "Handled failure",
                {
                    "n": _number(),
                    "fail": ("core.fail", {"message": "No stock left."}),
                    "post": ("fault.post", {}, AGAIN),
                    "never": ("fault.post", {}, AGAIN),
                    "if": ("logic.if", {"operator": "<", "other": 10}),
                    "small": ("core.value", {"value": "small"}),
                    "out": _out(),
                },
                "n.value -> fail.trigger; fail.error.message -> post.value; post.value -> out.value; "
                "n.value -> if.value; if.true -> small.trigger; if.false -> never.value",
            ),
            _some_number,
        ),
        "timer": Shape(
            _graph(
                "Timer",
                {
                    "n": _number(),
                    "wait": ("core.delay", {"seconds": PARKED_SECONDS}),
                    "post": ("fault.post", {}, AGAIN),
                    "out": _out(),
                },
                "n.value -> wait.value; wait.value -> post.value; post.value -> out.value",
            ),
            _some_number,
            weight=6,
        ),
        "approval": Shape(
            _graph(
                "Approval",
                {
                    "n": _number(),
                    "ask": ("logic.approve", {"instructions": "May it?"}),
                    "once": ("fault.once", {}, AGAIN),
                    "out": _out(),
                },
                "n.value -> ask.payload; ask.approved -> once.value; once.value -> out.value",
            ),
            _some_number,
        ),
        "child": Shape(
            _graph(
                "Graph in a graph",
                {
                    "n": _number(),
                    "run": ("graph.run", {"graph": parts["doubler"]}),
                    "post": ("fault.post", {}, AGAIN),
                    "out": _out(),
                },
                "n.value -> run.n; run.doubled -> post.value; post.value -> out.value",
            ),
            _some_number,
        ),
        "fold": Shape(
            _graph(
                "Fold",
                {
                    "items": _list("items"),
                    "fold": ("logic.fold", {"graph": parts["adder"], "initial": 0}),
                    "steps": _out("steps"),
                    "out": _out(),
                },
                "items.value -> fold.items; fold.step -> steps.value; fold.result -> out.value",
            ),
            _some_items,
            weight=6,
        ),
        "process": Shape(
            _graph(
                "Processes",
                {
                    "n": _number(),
                    "big": ("fault.big", {}),
                    "sum": ("fault.checksum", {}),
                    "post": ("fault.post_process", {}, AGAIN),
                    "once": ("fault.once_process", {}, AGAIN),
                    "out": _out(),
                },
                "n.value -> big.number; big.text -> sum.text; sum.sum -> post.value; post.value -> once.value; "
                "once.value -> out.value",
            ),
            _some_number,
            weight=4,
        ),
        "big": Shape(
            _graph(
                "Large values",
                {
                    "n": _number(),
                    "big": ("fault.big", {}),
                    "slow": ("fault.slow", {"seconds": 0.1}),
                    "count": ("core.template", {"template": "{{ text | length }}"}),
                    "out": _out(),
                },
                "n.value -> big.number; big.text -> slow.value; slow.value -> count.values.text; count.text -> out.value",
            ),
            _some_number,
        ),
    }


@cache
def shape_names() -> tuple[str, ...]:
    """All kinds of graphs."""
    return tuple(_shapes(dict.fromkeys(PARTS, 1)))
