"""Blocks for workflows that are broken on purpose: effects on another server, slow ones, large values."""

import asyncio
import os
import zlib
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

import orjson
from pydantic import Field

from blocks.base import (
    Block,
    BlockContext,
    BlockError,
    BlockInput,
    BlockOutput,
    Effect,
    Outputs,
    RunsIn,
    Stream,
    SyncOutputs,
)
from tests.faults.effects import VARIABLE

#: Blocks whose runs must be seen by the effects server.
EFFECTFUL = frozenset({"fault.post", "fault.post_thread", "fault.post_process", "fault.once", "fault.once_process"})
ONCE = frozenset({"fault.once", "fault.once_process"})


class ValueInput(BlockInput):
    value: Any = None


class ValueOutput(BlockOutput):
    value: Any


async def _post(block: Block, value: Any, context: BlockContext) -> None:
    """Have the effect happen on the other side, with the run's idempotency key; in a simulation there is none."""
    if address := os.environ.get(VARIABLE):
        answer = await context.http.request(
            "POST",
            f"{address}/{block.id}/{context.node}",
            headers={"Idempotency-Key": context.idempotency_key},
            content=orjson.dumps(value),
            timeout_seconds=20,
        )
        _check(answer.status)


class Post(Block):
    """An effect that may be repeated."""

    id = "fault.post"
    category = "Test"
    effect = Effect.IDEMPOTENT

    class Input(ValueInput): ...

    class Output(ValueOutput): ...

    async def run(self, input: ValueInput, context: BlockContext) -> Outputs:
        await _post(self, input.value, context)
        yield "value", input.value


class PostThread(Block):
    """The same, from a thread."""

    id = "fault.post_thread"
    category = "Test"
    effect = Effect.IDEMPOTENT
    runs_in = RunsIn.THREAD

    class Input(ValueInput): ...

    class Output(ValueOutput): ...

    def run(self, input: ValueInput, context: BlockContext) -> SyncOutputs:
        _post_alone(self, input.value, context)
        yield "value", input.value


class PostProcess(Block):
    """The same, from a process."""

    id = "fault.post_process"
    category = "Test"
    effect = Effect.IDEMPOTENT
    runs_in = RunsIn.PROCESS

    class Input(ValueInput): ...

    class Output(ValueOutput): ...

    def run(self, input: ValueInput, context: BlockContext) -> SyncOutputs:
        _post_alone(self, input.value, context)
        yield "value", input.value


class Once(Block):
    """An effect that must not be repeated."""

    id = "fault.once"
    category = "Test"
    effect = Effect.ONCE

    class Input(ValueInput): ...

    class Output(ValueOutput): ...

    async def run(self, input: ValueInput, context: BlockContext) -> Outputs:
        await _post(self, input.value, context)
        yield "value", input.value


class OnceProcess(Block):
    """The same, from a process."""

    id = "fault.once_process"
    category = "Test"
    effect = Effect.ONCE
    runs_in = RunsIn.PROCESS

    class Input(ValueInput): ...

    class Output(ValueOutput): ...

    def run(self, input: ValueInput, context: BlockContext) -> SyncOutputs:
        _post_alone(self, input.value, context)
        yield "value", input.value


class Slow(Block):
    """Take a moment on the loop; may be repeated."""

    id = "fault.slow"
    category = "Test"
    effect = Effect.IDEMPOTENT

    class Input(ValueInput):
        seconds: float = Field(0.1, ge=0)

    class Output(ValueOutput): ...

    async def run(self, input: Input, context: BlockContext) -> Outputs:
        await _moment(input.seconds)
        yield "value", input.value


class Drip(Block):
    """Give the numbers below `count`, with a pause before each."""

    id = "fault.drip"
    category = "Test"
    effect = Effect.IDEMPOTENT

    class Input(BlockInput):
        count: int
        seconds: float = 0.05

    class Output(BlockOutput):
        item: Stream[int]

    async def run(self, input: Input, context: BlockContext) -> Outputs:
        for number in range(input.count):
            await _moment(input.seconds)
            yield "item", number


class Flaky(Block):
    """Fail in the first attempts."""

    id = "fault.flaky"
    category = "Test"
    effect = Effect.PURE

    class Input(ValueInput):
        failures: int = 1

    class Output(ValueOutput): ...

    async def run(self, input: Input, context: BlockContext) -> Outputs:
        if context.attempt <= input.failures:
            raise BlockError(f"not yet, attempt {context.attempt}")
        yield "value", input.value


class Big(Block):
    """Text that is too large to be stored inline, made from a number."""

    id = "fault.big"
    category = "Test"
    effect = Effect.PURE

    class Input(BlockInput):
        number: int
        size: int = 40_000

    class Output(BlockOutput):
        text: str

    async def run(self, input: Input, context: BlockContext) -> Outputs:
        yield "text", (f"{input.number:09} " * (input.size // 10 + 1))[: input.size]


class Checksum(Block):
    """CRC-32 of a text, computed in a process of its own."""

    id = "fault.checksum"
    category = "Test"
    effect = Effect.PURE
    runs_in = RunsIn.PROCESS

    class Input(BlockInput):
        text: str

    class Output(BlockOutput):
        sum: int

    def run(self, input: Input, context: BlockContext) -> SyncOutputs:
        yield "sum", zlib.crc32(input.text.encode())


def _post_alone(block: Block, value: Any, context: BlockContext) -> None:
    """The same without a loop."""
    if address := os.environ.get(VARIABLE):
        connection = HTTPConnection(urlsplit(address).netloc, timeout=20)
        headers = {"Idempotency-Key": context.idempotency_key}
        connection.request("POST", f"/{block.id}/{context.node}", orjson.dumps(value), headers)
        _check(connection.getresponse().status)
        connection.close()


def _check(status: int) -> None:
    if status != 200:
        raise BlockError(f"The other side answered {status}")


async def _moment(seconds: float) -> None:
    """Sleep, but not in a simulation, which has no loop."""
    if VARIABLE in os.environ:
        await asyncio.sleep(seconds)
