"""Random graphs whose runs wait for time, people and other graphs, and try again: the same as without, also after any crash."""

import random
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest

from agentflow.graphs.spec import GraphSpec, OnError, Policy
from blocks.base import BlockError
from executions.engine.commands import Run
from executions.engine.plan import compile_plan
from executions.engine.simulate import Behaviour, Child, Question, Timer, Trace, simulate
from executions.engine.status import Status
from tests.engine import merging, reference
from tests.engine.drawing import BLOCKS, graph
from tests.engine.merging import text_of
from tests.engine.test_crashes import ends, unordered

INNER = graph("i:input; rows:each -> work -> all:collect -> o:output", rows={"items": [1, 2]})
WAITS = (None, None, Timer(1), Timer(60), Timer(600), Question("May it?", 5), Child(1, {"i": 5}, ""))


def waiting(behaviour: Behaviour) -> Behaviour:
    """The same, with waits before some of the values; what fails may be tried again."""

    def run(run: Run, values: dict[str, Any]) -> Iterator[Any]:
        chance = random.Random(f"{run.node} {run.path} {text_of(unordered(values))}")
        try:
            for output in behaviour(run, values):
                if wait := chance.choice(WAITS):
                    yield wait
                yield output
        except BlockError as error:
            raise BlockError(error.message) from error

    return run


def drawn(seed: int) -> tuple[GraphSpec, dict[str, Behaviour]]:
    """Merges and cycles, or loops that are zipped, crossed and worked on some at once."""
    chance = random.Random(seed)
    if seed % 2:
        tangle = merging.draw(chance, 3 + seed % 17)
        return tangle.spec(), merging.behaviours(tangle)
    spec = reference.draw(chance, 3 + seed % 17, throttled=seed % 4 == 0, joins=True)
    return spec, {node.key: reference.behaviour(node) for node in spec.nodes}


def patient(spec: GraphSpec) -> GraphSpec:
    policy = Policy(on_error=OnError.CONTINUE, retries=1)
    return replace(spec, nodes=tuple(replace(node, policy=policy) for node in spec.nodes))


def options(spec: GraphSpec, behaviours: Mapping[str, Behaviour], seed: int) -> dict[str, Any]:
    return {
        "behaviours": {key: waiting(behaviour) for key, behaviour in behaviours.items()},
        "concurrency": (0, 1, 3)[seed % 3],
        "graphs": {1: INNER},
        "decisions": {node.key: {"decision": "approved"} for node in spec.nodes},
    }


@pytest.mark.parametrize("seed", range(100))
def test_waits_and_retries_change_nothing(seed: int) -> None:
    spec, behaviours = drawn(seed)
    plain = simulate(spec, BLOCKS, seed=seed, behaviours=behaviours)
    trace = simulate(patient(spec), BLOCKS, seed=seed, **options(spec, behaviours, seed))
    assert ends(trace) == ends(plain)


@pytest.mark.parametrize("seed", range(40))
def test_a_crash_at_every_event_changes_nothing(seed: int) -> None:
    spec, behaviours = drawn(seed)
    plan, given = compile_plan(patient(spec), BLOCKS), options(spec, behaviours, seed)
    trace = simulate(plan, BLOCKS, seed=seed, **given)
    for count in range(1, len(trace.events)):
        again = simulate(plan, BLOCKS, seed=count, known=trace.events[:count], **given)
        assert (ends(again), again.charged) == (ends(trace), trace.charged), f"after {count} events"


@pytest.mark.parametrize("seed", range(40))
def test_what_is_cancelled_while_it_waits_ends_with_all_that_it_has_begun(seed: int) -> None:
    spec, behaviours = drawn(seed)
    trace = simulate(patient(spec), BLOCKS, seed=seed, cancel_at=seed % 5 * 20, **options(spec, behaviours, seed))
    assert Status.WAITING not in {row.status for each in family(trace) for row in each.rows.values()}
    assert trace.counts.waiting == trace.counts.running == trace.counts.queued == 0
    assert trace.status is Status.CANCELLED or not any(event.kind == "cancel" for event in trace.events)
    assert trace.charged == sum(child.made for children in trace.children.values() for child in children)


def family(trace: Trace) -> Iterator[Trace]:
    """The execution and those that it has begun."""
    yield trace
    for children in trace.children.values():
        for child in children:
            yield from family(child)
