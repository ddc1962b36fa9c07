"""Zip and cross with everything around them: several loops, filters, limits of items at once, Gathers, late values."""

import random
from typing import Any

import pytest

from executions.engine.closing import Closing
from executions.engine.simulate import Trace, simulate
from executions.engine.status import Status
from tests.engine.drawing import BLOCKS, graph

#: Four ends of a node that joins the loops of a, b and c: values, lists of lists, what Gathers saw.
JOINED = (
    "a:each -> fa; b:each -> fb; c:each -> fc; fa.out -> j.x; fb.out -> j.y; fc.out -> j.z; s.out -> j.w; "
    "j.out -> values:output; j.out -> one:gather -> seen:output; "
)
CROSSED = JOINED + "j.out -> inner:collect -> middle:collect -> outer:collect -> lists:output"
ZIPPED = JOINED + "j.out -> all:collect -> lists:output; all.indices -> places:output"


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


def play(drawing: str, join: str, seed: int) -> tuple[Trace, list[list[Any]]]:
    """The trace, and what goes on behind the filter of each loop."""
    chance = random.Random(seed)
    items = [[f"{name}{number}" for number in range(chance.choice([0, 1, 2, 3]))] for name in "abc"]
    dropped = {value for values in items for value in values if seed % 2 and chance.random() < 0.25}
    configs: dict[str, Any] = {
        name: {"items": values, "at_once": chance.choice([0, 1, 2])} for name, values in zip("abc", items, strict=True)
    }
    filters = {
        f"f{name}": lambda run, values: [] if values["x"] in dropped else [("out", values["x"])] for name in "abc"
    }
    spec = graph(drawing, j={"join": join}, s={"x": "s"}, **configs)
    trace = simulate(spec, BLOCKS, seed=seed, behaviours=filters, concurrency=(0, 1, 2)[seed % 3])
    assert trace.status is Status.COMPLETED
    return trace, [[None if value in dropped else value for value in values] for values in items]


@pytest.mark.parametrize("seed", range(120))
def test_every_combination_of_three_loops(seed):
    trace, (first, second, third) = play(CROSSED, "cross", seed)
    lists = [[[[a, b, c, "s"] for c in third if c] for b in second if b] for a in first if a]
    flat = [value for rows in lists for row in rows for value in row]
    assert trace.outputs["lists"] == lists
    assert trace.outputs["values"] == flat
    assert trace.outputs["seen"] == [[value] for value in flat]


@pytest.mark.parametrize("seed", range(120))
def test_three_loops_are_paired_by_position(seed):
    trace, items = play(ZIPPED, "zip", seed)
    pairs = {place: [*pair, "s"] for place, pair in enumerate(zip(*items, strict=False)) if all(pair)}
    assert trace.outputs["lists"] == list(pairs.values())
    assert trace.outputs["places"] == list(pairs)
    assert trace.outputs["seen"] == [[value] for value in pairs.values()]


def test_inner_lists_of_three_loops_are_there_when_the_innermost_is_empty():
    configs: dict[str, Any] = {"a": {"items": [1, 2]}, "b": {"items": [3, 4]}, "c": {"items": []}}
    drawing = "a:each -> j; b:each -> j; c:each -> j; j -> inner:collect -> middle:collect -> outer:collect -> o:output"
    trace = simulate(graph(drawing, j={"join": "cross"}, **configs), BLOCKS)
    assert trace.outputs == {"o": [[[], []], [[], []]]}
