"""The steps that benchmarks measure; the peers run the same functions."""

import asyncio
from typing import Any, ClassVar

from blocks.base import Block, BlockContext, BlockInput, BlockOutput, Effect, Example, Outputs, RunsIn, SyncOutputs
from tests.benchmarks.tasks import fib

WAIT_SECONDS = 1.0
PAUSE_SECONDS = 0.05


class Fib(Block):
    """A little arithmetic."""

    id = "bench.fib"
    category = "Benchmark"
    effect = Effect.PURE

    class Input(BlockInput):
        n: int = 10
        after: Any = None

    class Output(BlockOutput):
        value: int

    async def run(self, input: Input, context: BlockContext) -> Outputs:
        yield "value", fib(input.n)

    examples: ClassVar[list[Example]] = [Example({"n": 10}, {"value": 55})]


class Effectful(Fib):
    """The same, as a step that must happen once: that it begins is durable before it does."""

    id = "bench.once"
    effect = Effect.ONCE


class Await(Fib):
    """Wait for the other side, as an agent waits for its model."""

    id = "bench.await"
    effect = Effect.IDEMPOTENT

    async def run(self, input: Fib.Input, context: BlockContext) -> Outputs:
        await asyncio.sleep(WAIT_SECONDS)
        yield "value", 1

    examples: ClassVar[list[Example]] = []


class Pause(Fib):
    """A short wait, so that there is something new to see all the time."""

    id = "bench.pause"

    async def run(self, input: Fib.Input, context: BlockContext) -> Outputs:
        await asyncio.sleep(PAUSE_SECONDS)
        yield "value", 1

    examples: ClassVar[list[Example]] = []


class Heavy(Fib):
    """Arithmetic that needs a processor for itself."""

    id = "bench.heavy"
    runs_in = RunsIn.PROCESS

    def run(self, input: Fib.Input, context: BlockContext) -> SyncOutputs:  # type: ignore[override]  # in a process
        yield "value", fib(input.n)


class Large(Block):
    """A value of many bytes, made or passed on."""

    id = "bench.large"
    category = "Benchmark"
    effect = Effect.PURE

    class Input(BlockInput):
        megabytes: int = 10
        value: Any = None

    class Output(BlockOutput):
        value: Any

    async def run(self, input: Input, context: BlockContext) -> Outputs:
        row = {"name": "x" * 80, "number": 1.5, "flag": True}
        yield "value", input.value if input.value is not None else [row] * (input.megabytes * 8_600)

    examples: ClassVar[list[Example]] = []
