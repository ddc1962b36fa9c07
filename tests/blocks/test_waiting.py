"""Blocks that wait for people and for other graphs."""

from collections.abc import Mapping
from typing import Any

import pytest

from blocks.base import BlockError
from blocks.context import Answer
from blocks.graph import RunGraph
from blocks.logic import Approve, Fold
from tests.blocks.context import FakeContext, run


@pytest.mark.parametrize("decision", ["approved", "rejected"])
async def test_what_a_person_made_of_the_payload_goes_on(decision: str) -> None:
    context = FakeContext(answers=[Answer(decision, {"total": 99}, "Rounded down.", "Bob")])
    outputs = await run(Approve, {"payload": {"total": 100}, "instructions": "May it?"}, context)
    assert outputs == {decision: {"total": 99}, "comment": "Rounded down."}
    assert context.waits == [("ask", "May it?", {"total": 100})]


async def test_a_graph_gets_everything_but_its_own_id() -> None:
    context = FakeContext(graphs={7: lambda inputs: {"sum": 3}})
    assert await run(RunGraph, {"graph": 7, "a": 1, "model_config": 2}, context) == {"sum": 3}
    assert context.waits == [("graph", 7, {"a": 1, "model_config": 2}, "")]


async def test_an_output_called_error_is_not_passed_on() -> None:
    context = FakeContext(graphs={7: lambda inputs: {"error": "x", "other": None}})
    assert await run(RunGraph, {"graph": 7}, context) == {"other": None}
    assert [level for level, _ in context.logs] == ["warning"]


@pytest.mark.parametrize("graph", [0, -1, 1.5, "one", None])
async def test_a_graph_is_named_by_its_number(graph: object) -> None:
    with pytest.raises(BlockError, match="“graph”"):
        await run(RunGraph, {"graph": graph})


async def test_a_fold_goes_on_behind_what_is_recorded() -> None:
    context = FakeContext(recorded={"step": [1, 3]})
    assert await run(Fold, {"items": [1, 2, 3, 4], "initial": 0, "graph": 2}, context) == {
        "step": [6, 10],
        "result": 10,
    }
    assert [wait[2:] for wait in context.waits] == [
        ({"item": 3, "accumulator": 3}, "2"),
        ({"item": 4, "accumulator": 6}, "3"),
    ]


async def test_a_fold_that_had_all_but_ended_yields_nothing_again() -> None:
    context = FakeContext(recorded={"step": [1], "result": [1]})
    assert await run(Fold, {"items": [1], "initial": 0, "graph": 2}, context) == {"step": []}
    assert context.waits == []


async def test_a_fold_stops_at_the_item_that_fails() -> None:
    def fragile(inputs: Mapping[str, Any]) -> Mapping[str, Any]:
        if inputs["item"] == "bad":
            raise BlockError("“bad” is bad.", retry=False)
        return {"accumulator": inputs["item"]}

    context = FakeContext(graphs={1: fragile})
    with pytest.raises(BlockError, match="is bad"):
        await run(Fold, {"items": ["good", "bad", "never"], "graph": 1}, context)
    assert len(context.waits) == 2
