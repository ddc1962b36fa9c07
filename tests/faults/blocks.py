"""Blocks for workflows that are broken on purpose."""

import asyncio
from typing import Any

from pydantic import Field

from blocks.base import Block, BlockContext, BlockInput, BlockOutput, Effect, Outputs


class Slow(Block):
    """Take a moment on the loop; may be repeated."""

    id = "fault.slow"
    category = "Test"
    effect = Effect.IDEMPOTENT

    class Input(BlockInput):
        seconds: float = Field(0.1, ge=0)
        value: Any = None

    class Output(BlockOutput):
        value: Any

    async def run(self, input: Input, context: BlockContext) -> Outputs:
        await asyncio.sleep(input.seconds)
        yield "value", input.value
