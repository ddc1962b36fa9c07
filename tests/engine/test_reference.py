"""The engine against the naive reading of the rules, on random graphs in random order."""

import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from executions.engine.plan import compile_plan
from executions.engine.scheduler import Start, Stop
from executions.engine.simulate import replay, simulate
from executions.engine.status import Status
from tests.engine.drawing import BLOCKS
from tests.engine.reference import behaviour, draw, linked, loops_of, meaning


def depths(spec) -> dict[str, int]:
    return {key: len(stack) for key, stack in loops_of(spec)[0].items()}


def inputs_of(trace) -> dict[Any, Any]:
    return {(node, path): linked(row.input) for (node, path, _), row in trace.rows.items()}


@settings(max_examples=150, deadline=None)
@given(chance=st.randoms(use_true_random=False), size=st.integers(1, 14), seed=st.integers(0, 3))
def test_runs_and_their_inputs_are_those_of_the_rules(chance, size, seed):
    spec = draw(chance, size)
    expected = meaning(spec, depths(spec))
    trace = simulate(spec, BLOCKS, seed=seed, behaviours={n.key: behaviour(n) for n in spec.nodes}, concurrency=3)
    assert inputs_of(trace) == expected.runs
    assert set(trace.skipped) == expected.skipped


@pytest.mark.parametrize("seed", [*range(200), 1047, 1324, 1519, 3589, 4183, 7542, 8540])
def test_bigger_graphs_too(seed):
    spec = draw(random.Random(seed), 3 + seed % 50)
    expected = meaning(spec, depths(spec))
    trace = simulate(
        spec, BLOCKS, seed=seed, behaviours={n.key: behaviour(n) for n in spec.nodes}, concurrency=seed % 7
    )
    assert inputs_of(trace) == expected.runs
    assert set(trace.skipped) == expected.skipped
    assert {key[:2] for key, row in trace.rows.items() if row.status is Status.FAILED} == expected.failed


@pytest.mark.parametrize("seed", range(200))
def test_loops_that_work_on_some_items_at_once_mean_the_same(seed):
    spec = draw(random.Random(seed), 3 + seed % 50, throttled=True)
    expected = meaning(spec, depths(spec))
    trace = simulate(
        spec, BLOCKS, seed=seed, behaviours={n.key: behaviour(n) for n in spec.nodes}, concurrency=seed % 7
    )
    assert inputs_of(trace) == expected.runs
    assert set(trace.skipped) == expected.skipped


@pytest.mark.parametrize("seed", range(400))
def test_loops_that_are_zipped_and_crossed(seed):
    spec = draw(random.Random(seed), 3 + seed % 40, throttled=seed % 2 == 1, joins=True)
    expected = meaning(spec, depths(spec))
    trace = simulate(
        spec, BLOCKS, seed=seed, behaviours={n.key: behaviour(n) for n in spec.nodes}, concurrency=seed % 7
    )
    assert inputs_of(trace) == expected.runs
    assert set(trace.skipped) == expected.skipped


@pytest.mark.parametrize("seed", range(20))
def test_the_outcome_does_not_depend_on_timing(seed):
    spec = draw(random.Random(seed), 30)
    behaviours = {n.key: behaviour(n) for n in spec.nodes}
    traces = [simulate(spec, BLOCKS, seed=s, behaviours=behaviours, concurrency=c) for s, c in ((1, 1), (2, 5), (3, 0))]
    assert inputs_of(traces[0]) == inputs_of(traces[1]) == inputs_of(traces[2])
    assert traces[0].status == traces[1].status == traces[2].status
    assert set(traces[0].skipped) == set(traces[1].skipped) == set(traces[2].skipped)


@pytest.mark.parametrize("seed", range(20))
def test_the_same_seed_gives_the_same_run(seed):
    spec = draw(random.Random(seed), 30)
    behaviours = {n.key: behaviour(n) for n in spec.nodes}
    one, other = (simulate(spec, BLOCKS, seed=seed, behaviours=behaviours, concurrency=3) for _ in range(2))
    assert one.events == other.events
    assert list(one.rows) == list(other.rows)


@pytest.mark.parametrize("seed", range(20))
def test_replaying_the_events_says_the_same(seed):
    spec = draw(random.Random(seed), 30)
    behaviours = {n.key: behaviour(n) for n in spec.nodes}
    trace = simulate(spec, BLOCKS, seed=seed, behaviours=behaviours, concurrency=3)
    scheduler, commands = replay(compile_plan(spec, BLOCKS), trace.events, concurrency=3)
    assert said(commands) == said(trace.commands)
    assert scheduler.running() == ()


@pytest.mark.parametrize("seed", range(20))
def test_replaying_half_of_the_events_finds_the_runs_that_were_running(seed):
    spec = draw(random.Random(seed), 30)
    behaviours = {n.key: behaviour(n) for n in spec.nodes}
    trace = simulate(spec, BLOCKS, seed=seed, behaviours=behaviours, concurrency=3)
    half = trace.events[: len(trace.events) // 2]
    scheduler, commands = replay(compile_plan(spec, BLOCKS), half, concurrency=3)
    ended = {event.run for event in half if event.kind != "emit"}
    begun = [command.run.key for command in commands if isinstance(command, Start)]
    assert {run.key for run in scheduler.running()} == set(begun) - ended
    assert said(commands) == said(trace.commands)[: len(commands)]


def said(commands) -> list[Any]:
    """Commands as plain values: runs are known by identity."""
    return [(type(c).__name__, c.run.key, c.run.arrivals) if isinstance(c, Start | Stop) else c for c in commands]
