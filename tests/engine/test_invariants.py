"""What always holds, also with merges, cycles, failures and cancels: random graphs, random order."""

import random
from collections import Counter
from dataclasses import replace
from functools import cache

import pytest

from agentflow.graphs.spec import GraphSpec, Join, Limits, LinkSpec, OnError, Policy
from blocks.base import BlockError
from executions.engine.closing import Closing
from executions.engine.plan import PlanError, compile_plan
from executions.engine.scheduler import Finish, Scheduler, Skip, Start
from executions.engine.simulate import Trace, simulate
from executions.engine.status import Reason, Status
from tests.engine.drawing import BLOCKS
from tests.engine.reference import draw, loops_of

SEEDS = range(120)


def tangle(chance: random.Random, size: int) -> GraphSpec:
    """A random valid graph with merges and cycles."""
    spec = draw(
        chance, size, handled=chance.random() < 0.5, throttled=chance.random() < 0.5, joins=chance.random() < 0.3
    )
    stacks, travelling = loops_of(spec)
    drawn = len(spec.links)
    for _ in range(chance.randrange(10) if drawn else 0):
        # A second source for a port, from the same loops: forward a merge, backward a cycle.
        index = chance.randrange(drawn)
        old = spec.links[index]
        fitting = [node for node in spec.nodes if stacks[node.key] == travelling[index]]
        if old.sink_port in ("items", "values") or not fitting:
            continue
        source = chance.choice(fitting)
        port = {"step": chance.choice(["out", "other"]), "each": "count"}.get(source.block, "out")
        tangled = replace(spec, links=(*spec.links, LinkSpec(source.key, port, old.sink, old.sink_port)))
        try:
            compile_plan(tangled, BLOCKS)
        except PlanError:
            continue
        spec = tangled
    nodes = tuple(
        replace(
            node,
            policy=Policy(
                on_error=chance.choice([OnError.STOP, *[OnError.CONTINUE] * 9]), concurrency=chance.choice([0, 0, 1, 2])
            ),
        )
        for node in spec.nodes
    )
    return replace(spec, nodes=nodes, limits=Limits(laps=40, node_executions=1_500))


def behaves(node, chance: random.Random, failing: float):
    def run(run, values):
        if node.block == "each":
            for number in range(chance.choice([0, 1, 2, 3])):
                yield "item", number
                if chance.random() < 0.8:
                    yield "key", number
            if chance.random() < 0.4:
                yield "count", 3
        elif chance.random() < 0.9:
            yield "out", 1
            if node.block == "step" and chance.random() < 0.7:
                yield "other", 2
        if chance.random() < failing:
            raise BlockError("by chance", retry=False)

    return run


@cache
def play(seed: int, *, cancel_at: float | None = None, failing: float = 0.05) -> tuple[GraphSpec, Trace]:
    chance = random.Random(seed)
    spec = tangle(chance, 3 + seed % 25)
    behaviours = {node.key: behaves(node, chance, failing) for node in spec.nodes}
    return spec, simulate(
        spec, BLOCKS, seed=seed, behaviours=behaviours, concurrency=chance.choice([0, 1, 4]), cancel_at=cancel_at
    )


@pytest.fixture(autouse=True)
def _closed_stays_closed(monkeypatch):
    """A run never begins where the engine has said that nothing more can happen."""
    begin = Closing.begin

    def checked(self, unit, path):
        plan = self._units[unit]
        assert self._alive[unit] >= 0
        for depth, counts in zip(plan.depths, self._deep.get(unit, ()), strict=False):
            assert counts.get(path[:depth], 0) >= 0
        begin(self, unit, path)

    monkeypatch.setattr(Closing, "begin", checked)


@pytest.mark.parametrize("seed", SEEDS)
def test_every_run_ends_once_and_the_execution_too(seed):
    _, trace = play(seed)
    ends = Counter(event.run for event in trace.events if event.kind != "emit")
    assert set(ends) == set(trace.rows)
    assert set(ends.values()) <= {1}
    assert [type(c) for c in trace.commands].count(Finish) == 1
    assert isinstance(trace.commands[-1], Finish)


@pytest.mark.parametrize("seed", SEEDS)
def test_every_node_ran_or_was_skipped_unless_stopped(seed):
    spec, trace = play(seed)
    ran = {node for node, _, _ in trace.rows}
    assert not ran & set(trace.skipped)
    assert [type(c) for c in trace.commands].count(Skip) == len(trace.skipped)
    stopped = any(row.status is Status.CANCELLED for row in trace.rows.values()) or trace.reason is not None
    assert stopped or ran | set(trace.skipped) == {node.key for node in spec.nodes}


@pytest.mark.parametrize("seed", SEEDS)
def test_no_run_starts_before_its_inputs(seed):
    spec, trace = play(seed)
    yielded = {event.ref: event for event in trace.events}
    sources = {(link.sink, index): link for index, link in enumerate(spec.links)}
    for run in [command.run for command in trace.commands if isinstance(command, Start)]:
        for arrival in run.arrivals:
            event, link = yielded[arrival.ref], sources[run.node, arrival.link]
            assert event.run is not None
            assert event.run[0] == link.source
            assert event.time <= trace.rows[run.key].started


@pytest.mark.parametrize("seed", SEEDS)
def test_an_execution_with_an_unhandled_failure_is_never_completed(seed):
    _, trace = play(seed, failing=0.1)
    failed = [row for row in trace.rows.values() if row.status is Status.FAILED and not row.handled]
    assert trace.status is (Status.FAILED if failed or trace.reason is Reason.LIMIT else Status.COMPLETED)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_cancel_at_any_moment_ends_the_execution(seed):
    _, trace = play(seed, cancel_at=random.Random(seed).random() * 6)
    assert trace.status in (Status.CANCELLED, Status.COMPLETED, Status.FAILED)
    cancelled = next((event.time for event in trace.events if event.kind == "cancel"), None)
    assert cancelled is None or all(row.started <= cancelled for row in trace.rows.values())


@pytest.mark.parametrize("seed", range(60))
def test_everything_is_closed_in_the_end(seed, monkeypatch):
    play.cache_clear()
    kept = []
    make = Scheduler.__init__

    def keep(self, *args, **options):
        make(self, *args, **options)
        kept.append(self)

    monkeypatch.setattr(Scheduler, "__init__", keep)
    spec, trace = play(seed, failing=0)
    (scheduler,) = kept
    closing = scheduler._closing
    deep = {count for counts in closing._deep.values() for by_path in counts for count in by_path.values()}
    if any(node.join is Join.ZIP for node in spec.nodes):  # a number that one side lacks stays open: nothing is there
        deep &= {-2}
    assert trace.reason is Reason.LIMIT or (set(closing._alive) | deep == {-2} and not closing._waiting)
