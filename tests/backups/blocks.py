"""Blocks whose effects outlive the installation, and that wait for the test."""

import asyncio
from pathlib import Path
from typing import Any

from blocks.base import Block, BlockContext, BlockInput, BlockOutput, Effect, Outputs


class Gate(Block):
    """Wait until a file is there."""

    id = "backup.gate"
    category = "Test"
    effect = Effect.IDEMPOTENT

    class Input(BlockInput):
        file: str
        value: Any = None

    class Output(BlockOutput):
        value: Any

    async def run(self, input: Input, context: BlockContext) -> Outputs:
        while not await asyncio.to_thread(Path(input.file).exists):
            await asyncio.sleep(0.01)
        yield "value", input.value


class Pay(Block):
    """Write the idempotency key into a file, as a payment would be made; then wait until another file is there."""

    id = "backup.pay"
    category = "Test"
    effect = Effect.ONCE

    class Input(BlockInput):
        file: str
        until: str = ""
        value: Any = None

    class Output(BlockOutput):
        value: Any

    async def run(self, input: Input, context: BlockContext) -> Outputs:
        with Path(input.file).open("a") as file:  # noqa: ASYNC230 - a line
            file.write(f"{context.idempotency_key}\n")
        while input.until and not await asyncio.to_thread(Path(input.until).exists):
            await asyncio.sleep(0.01)
        yield "value", input.value
