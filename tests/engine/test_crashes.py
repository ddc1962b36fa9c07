"""A crash after any event: who is told only what was recorded comes to the same end."""

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from agentflow.graphs.spec import Policy
from executions.engine.plan import Plan, compile_plan
from executions.engine.simulate import Behaviour, Event, Trace, simulate
from executions.engine.status import FINAL, Status
from tests.engine import merging, reference
from tests.engine.drawing import BLOCKS
from tests.engine.merging import text_of

CONCURRENCIES = (0, 1, 3)


def told(events: Sequence[Event]) -> dict[Any, list[Any]]:
    """What is recorded of each run: what it yielded and how it ended."""
    found: dict[Any, list[Any]] = {}
    for event in events:
        found.setdefault(event.run, []).append((event.kind, event.port, event.value))
    return found


def ends(trace: Trace) -> Any:
    """Everything about an execution that is over but which of equal runs came first."""
    rows = Counter(
        (*key[:2], row.status, row.handled, text_of(unordered(row.input)), text_of(row.outputs))
        for key, row in trace.rows.items()
    )
    return trace.status, trace.outputs, trace.counts, set(trace.skipped), rows


def unordered(values: Mapping[str, Any]) -> dict[str, Any]:
    """An input in which values that were collected or gathered are in no order."""
    return {port: sorted(value, key=text_of) if isinstance(value, list) else value for port, value in values.items()}


def crash_everywhere(plan: Plan, behaviours: Mapping[str, Behaviour], seed: int) -> None:
    """Play the graph, then once more from every event on, each time with another timing."""
    options: Any = {"behaviours": behaviours, "concurrency": CONCURRENCIES[seed % 3]}
    trace = simulate(plan, BLOCKS, seed=seed, **options)
    expected = ends(trace)
    for count in range(1, len(trace.events)):
        known = trace.events[:count]
        again = simulate(plan, BLOCKS, seed=seed + count, known=known, **options)
        assert ends(again) == expected, f"after {count} events"
        recorded, later = told(known), told(again.events)
        assert all(later[run][: len(events)] == events for run, events in recorded.items())
        for key, row in trace.rows.items():
            if key in recorded:  # the same run: its node, path, ordinal and input
                assert again.rows[key].input == row.input


@pytest.mark.parametrize("seed", range(25))
def test_merges_and_cycles_survive_a_crash_at_every_event(seed):
    drawn = merging.draw(random.Random(seed), 3 + seed % 22)
    crash_everywhere(compile_plan(drawn.spec(), BLOCKS), merging.behaviours(drawn), seed)


@pytest.mark.parametrize("seed", range(25))
def test_loops_and_joins_survive_a_crash_at_every_event(seed):
    spec = reference.draw(random.Random(seed), 3 + seed % 22, throttled=seed % 2 == 1, joins=True)
    behaviours = {node.key: reference.behaviour(node) for node in spec.nodes}
    crash_everywhere(compile_plan(spec, BLOCKS), behaviours, seed)


def stopping(seed: int) -> tuple[Plan, dict[str, Any]]:
    """A random graph in which any failure that is not handled stops everything."""
    drawn = merging.draw(random.Random(seed), 5 + seed % 22)
    nodes = tuple(replace(node, policy=Policy()) for node in drawn.nodes)
    return compile_plan(replace(drawn.spec(), nodes=nodes), BLOCKS), merging.behaviours(drawn)


@pytest.mark.parametrize("seed", range(25))
def test_what_was_stopped_stays_stopped(seed):
    plan, behaviours = stopping(seed)
    trace = simulate(plan, BLOCKS, seed=seed, behaviours=behaviours, concurrency=3)
    failed = (event for event in trace.events if event.kind == "fail" and event.run)
    unhandled = [event.ref for event in failed if event.run and not trace.rows[event.run].handled]
    for count in range(1, len(trace.events)):
        again = simulate(plan, BLOCKS, seed=count, behaviours=behaviours, concurrency=3, known=trace.events[:count])
        assert again.status in FINAL
        assert all(row.status in FINAL for row in again.rows.values())
        if unhandled and unhandled[0] < count:
            assert (again.status, again.error) == (trace.status, trace.error)


@pytest.mark.parametrize("seed", range(25))
def test_what_was_cancelled_stays_cancelled(seed):
    plan, behaviours = stopping(seed)
    trace = simulate(plan, BLOCKS, seed=seed, behaviours=behaviours, concurrency=3, cancel_at=1 + seed % 4)
    cancelled = next((event.ref for event in trace.events if event.kind == "cancel"), len(trace.events))
    for count in range(cancelled + 1, len(trace.events)):
        again = simulate(plan, BLOCKS, seed=count, behaviours=behaviours, concurrency=3, known=trace.events[:count])
        assert again.status is trace.status
        assert {key for key, row in again.rows.items() if row.status is Status.COMPLETED} <= set(trace.rows)


@pytest.mark.parametrize("seed", range(20))
def test_one_crash_after_the_other(seed):
    drawn = merging.draw(random.Random(seed), 20)
    plan, behaviours, chance = compile_plan(drawn.spec(), BLOCKS), merging.behaviours(drawn), random.Random(seed)
    expected = ends(simulate(plan, BLOCKS, behaviours=behaviours))
    known: list[Event] = []
    for _ in range(10):
        trace = simulate(plan, BLOCKS, seed=chance.randrange(1_000), behaviours=behaviours, known=known)
        assert ends(trace) == expected
        known = trace.events[: max(len(known), chance.randrange(len(trace.events)))]
