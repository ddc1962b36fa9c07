"""Simulated executions run real blocks."""

import asyncio

from blocks.base import Block, BlockError, BlockInput, BlockOutput
from executions.engine.simulate import simulate
from executions.engine.status import Status
from tests.engine.drawing import Blocks, graph


class Double(Block):
    """Twice the number, asynchronously."""

    id = "double"
    category = "Test"

    class Input(BlockInput):
        x: int

    class Output(BlockOutput):
        out: int

    async def run(self, input, context):
        if context.attempt and input.x < 0:
            raise BlockError("negative", retry=False)
        yield "out", input.x * 2


class Wait(Block):
    """Waits for the world."""

    id = "wait"
    category = "Test"

    class Output(BlockOutput):
        out: int

    async def run(self, input, context):
        await asyncio.get_running_loop().create_future()
        yield "out", 1


BLOCKS = Blocks(Double, Wait)


def test_asynchronous_blocks_run():
    assert simulate(graph("d:double -> o:output", d={"x": 4}), BLOCKS).outputs == {"o": 8}


def test_execution_inputs_reach_the_graph():
    assert simulate(graph("i:input -> d:double -> o:output"), BLOCKS, {"i": "21"}).outputs == {"o": 42}


def test_an_error_of_a_block_fails_its_run():
    trace = simulate(graph("d:double -> o:output", d={"x": -1}), BLOCKS)
    assert trace.error == {
        "message": "negative",
        "kind": "block",
        "block": "double",
        "attempt": 1,
        "node": "d",
        "path": [],
    }


def test_an_input_that_does_not_fit_fails_the_run():
    trace = simulate(graph("s -> d:double", s={"x": "many"}), BLOCKS)
    assert trace.status is Status.FAILED
    assert trace.error is not None
    assert trace.error["message"] == '“x”: "many" is not a whole number'


def test_a_block_that_waits_for_the_world_fails():
    trace = simulate(graph("w:wait"), BLOCKS)
    assert trace.status is Status.FAILED


def test_a_behaviour_stands_in_for_a_block():
    trace = simulate(graph("w:wait -> o:output"), BLOCKS, behaviours={"w": lambda run, input: [("out", 5)]})
    assert trace.outputs == {"o": 5}
