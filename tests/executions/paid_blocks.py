"""Blocks that cost something."""

from typing import Any

from blocks.base import Block, BlockContext, BlockError, BlockInput, BlockOutput, Cost, Effect, Outputs
from blocks.costs import RUN, SECOND


class Paid(Block):
    """Give the value, or fail the first times."""

    id = "paid.run"
    category = "Test"
    costs = [Cost(RUN, "0.5", when={"size": "large"}), Cost(RUN, "0.1")]

    class Input(BlockInput):
        value: Any = None
        size: str = "small"
        failures: int = 0

    class Output(BlockOutput):
        value: Any

    async def run(self, input: Input, context: BlockContext) -> Outputs:
        if context.attempt <= input.failures:
            raise BlockError("not yet")
        yield "value", input.value


class PaidOnce(Paid):
    """The same, and it must not be repeated."""

    id = "paid.once"
    effect = Effect.ONCE


class PaidTime(Block):
    """Work, wait, work; only the work is paid for."""

    id = "paid.time"
    category = "Test"
    costs = [Cost(SECOND, 1)]

    class Input(BlockInput):
        seconds: float = 0.0

    class Output(BlockOutput):
        value: Any

    async def run(self, input: Input, context: BlockContext) -> Outputs:
        await context.sleep(input.seconds)
        yield "value", None
