"""Merges and cycles: the engine against a second naive reading of the rules, on random graphs in random order."""

import random
from collections import Counter
from typing import Any

import pytest

from executions.engine.scheduler import Start
from executions.engine.simulate import Trace, simulate
from executions.engine.status import Status
from tests.engine.drawing import BLOCKS
from tests.engine.merging import Drawn, Meaning, TooMany, behaviours, draw, meaning, seen, text_of

GRAPHS = 1_200


def drawn(seed: int) -> tuple[Drawn, Meaning] | None:
    graph = draw(random.Random(seed), 3 + seed % 38)
    try:
        return graph, meaning(graph)
    except TooMany:
        return None


def runs_of(trace: Trace) -> Counter[Any]:
    """Node, path, input as text -> how many."""
    started = [command.run for command in trace.commands if isinstance(command, Start)]
    return Counter((run.node, run.path, text_of(seen(run, trace.rows[run.key].input))) for run in started)


def check(expected: Meaning, trace: Trace) -> None:
    """The trace has these runs, failures, skips and outputs."""
    assert runs_of(trace) == expected.runs
    assert set(trace.skipped) == expected.skipped
    failed = {key: row for key, row in trace.rows.items() if row.status is Status.FAILED}
    assert Counter(key[:2] for key in failed) == expected.failed
    assert trace.outputs == expected.outputs
    unhandled = any(not row.handled for row in failed.values())
    assert trace.status is (Status.FAILED if unhandled else Status.COMPLETED)
    ordinals: dict[Any, list[int]] = {}
    for node, path, ordinal in trace.rows:
        ordinals.setdefault((node, path), []).append(ordinal)
    assert all(sorted(found) == list(range(len(found))) for found in ordinals.values())


@pytest.mark.parametrize("seed", range(0, GRAPHS, 100))
def test_merges_and_cycles_mean_what_the_rules_say(seed):
    for number in range(seed, seed + 100):
        found = drawn(number)
        if found:
            graph, expected = found
            trace = simulate(
                graph.spec(), BLOCKS, seed=number, behaviours=behaviours(graph), concurrency=(0, 1, 3, 7)[number % 4]
            )
            check(expected, trace)
