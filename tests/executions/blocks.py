"""Blocks that misbehave on purpose."""

import asyncio
import logging
import os
import sys
import threading
import time
from collections import defaultdict
from contextlib import suppress
from typing import Any, ClassVar

from pydantic import Field

from blocks.base import (
    Block,
    BlockContext,
    BlockError,
    BlockInput,
    BlockOutput,
    Effect,
    Example,
    Outputs,
    RunsIn,
    Stream,
    SyncOutputs,
)

#: Opened by tests: a `test.gate` node goes on when its gate is open.
GATES: dict[str, threading.Event] = defaultdict(threading.Event)
#: How often each name was tried, for flaky nodes and for nodes that must run once.
TRIES: dict[str, int] = defaultdict(int)


class Gate(Block):
    """Wait until the test opens the gate."""

    id = "test.gate"
    category = "Test"
    effect = Effect.IDEMPOTENT

    class Input(BlockInput):
        name: str
        value: Any = None

    class Output(BlockOutput):
        value: Any

    async def run(self, input: Input, context: BlockContext) -> Outputs:
        TRIES[input.name] += 1
        while not GATES[input.name].is_set():
            await asyncio.sleep(0.005)
        yield "value", input.value

    examples: ClassVar[list[Example]] = []


class Append(Block):
    """Change a list in place, as blocks should not."""

    id = "test.append"
    category = "Test"
    effect = Effect.PURE

    class Input(BlockInput):
        value: Any

    class Output(BlockOutput):
        value: Any

    async def run(self, input: Input, context: BlockContext) -> Outputs:
        input.value.append("more")
        yield "value", input.value

    examples: ClassVar[list[Example]] = []


class Flaky(Block):
    """Fail the first times."""

    id = "test.flaky"
    category = "Test"

    class Input(BlockInput):
        name: str
        failures: int = 1
        retry: bool = True
        value: Any = None

    class Output(BlockOutput):
        item: Stream[int]

    async def run(self, input: Input, context: BlockContext) -> Outputs:
        TRIES[input.name] += 1
        context.log(f"try {TRIES[input.name]}")
        yield "item", 0
        if TRIES[input.name] <= input.failures:
            raise BlockError("not yet", retry=input.retry)
        yield "item", 1


class Once(Block):
    """Count that it happened."""

    id = "test.once"
    category = "Test"
    effect = Effect.ONCE

    class Input(BlockInput):
        name: str
        value: Any = None
        hang: bool = False

    class Output(BlockOutput):
        key: str

    async def run(self, input: Input, context: BlockContext) -> Outputs:
        TRIES[input.name] += 1
        while input.hang:
            await asyncio.sleep(0.005)
        yield "key", context.idempotency_key


class Silent(Block):
    """Count that it happened, and give nothing."""

    id = "test.silent"
    category = "Test"
    effect = Effect.ONCE

    class Input(BlockInput):
        name: str

    class Output(BlockOutput):
        value: Any

    async def run(self, input: Input, context: BlockContext) -> Outputs:
        TRIES[input.name] += 1
        if not input.name:
            yield "value", input.name

    examples: ClassVar[list[Example]] = []


class Bug(Block):
    """Fail in a way that nobody foresaw."""

    id = "test.bug"
    category = "Test"

    async def run(self, input: Any, context: BlockContext) -> Outputs:
        yield "share", 1 / (len(context.node) * 0)


class Give(Block):
    """Yield what is asked for, made in Python."""

    id = "test.give"
    category = "Test"
    effect = Effect.PURE

    class Input(BlockInput):
        what: str

    class Output(BlockOutput):
        value: Any

    async def run(self, input: Input, context: BlockContext) -> Outputs:
        made: dict[str, Any] = {
            "big": "x" * 100_000,
            "nul": "a\x00b",
            "huge number": 2**100,
            "order": {"b": 1, "a": 2, "aa": 3},
            "nan": float("nan"),
            "date": __import__("datetime").date(2026, 1, 1),
            "null": None,
            "too big": "x" * 70_000_000,
            "tuple": {"pair": (1, (2,))},
            "number key": {1: "one"},
            "wide number key": {1: 2**100},
            "deep": _deep(1_000),
            "itself": _itself(),
            "half a pair": "\ud800",
        }
        yield "value", made[input.what]


def _deep(levels: int) -> list[Any]:
    made: list[Any] = []
    for _ in range(levels):
        made = [made]
    return made


def _itself() -> list[Any]:
    made: list[Any] = []
    made.append(made)
    return made


class Misbehave(Block):
    """Do what no block should."""

    id = "test.misbehave"
    category = "Test"
    effect = Effect.PURE

    class Input(BlockInput):
        how: str
        name: str = ""

    class Output(BlockOutput):
        value: Any
        item: Stream[Any]

    async def run(self, input: Input, context: BlockContext) -> Outputs:
        TRIES[input.name] += 1
        match input.how:
            case "exit":
                sys.exit(3)
            case "cancel itself":
                raise asyncio.CancelledError
            case "time out by itself":
                raise TimeoutError
            case "odd words":
                context.log("\ud800\x00")
                raise BlockError("\ud800\x00")
            case "odd port":
                yield ["value"], 1  # type: ignore[misc]
            case "no pair":
                yield 7  # type: ignore[misc]
            case "never stop":
                while not GATES[input.name].is_set():
                    with suppress(asyncio.CancelledError):
                        await asyncio.sleep(0.005)
                yield "value", "too late"
            case "change what was given":
                rows: list[int] = []
                for number in range(3):
                    rows.append(number)
                    yield "item", rows
            case "hold the loop":
                time.sleep(60)  # noqa: ASYNC251 - that is what it is about


class Tick(Block):
    """Show progress, then wait for the gate."""

    id = "test.progress"
    category = "Test"
    effect = Effect.PURE
    runs_in = RunsIn.THREAD

    class Input(BlockInput):
        text: str

    class Output(BlockOutput):
        value: str

    def run(self, input: Input, context: BlockContext) -> SyncOutputs:
        context.progress(0.5, input.text)
        yield "value", input.text


class Talk(Block):
    """Stream words and say what they cost, try after try, until one is allowed to end."""

    id = "test.talk"
    category = "Test"
    effect = Effect.IDEMPOTENT

    class Input(BlockInput):
        name: str
        failures: int = 0
        after_seconds: float = 0
        words: list[str] = Field(default_factory=list)

    class Output(BlockOutput):
        text: str

    async def run(self, input: Input, context: BlockContext) -> Outputs:
        TRIES[input.name] += 1
        for word in input.words:
            context.stream("text", word)
        context.usage(input_tokens=3, output_tokens=2, tokens=5, model=f"m{TRIES[input.name]}")
        if TRIES[input.name] <= input.failures:
            raise BlockError("not yet", after_seconds=input.after_seconds)
        while not GATES[input.name].is_set():
            await asyncio.sleep(0.005)
        yield "text", "".join(input.words)


class InThread(Block):
    """Say in which thread it runs."""

    id = "test.thread"
    category = "Test"
    runs_in = RunsIn.THREAD

    class Input(BlockInput):
        value: Any = None

    class Output(BlockOutput):
        thread: str

    def run(self, input: Input, context: BlockContext) -> SyncOutputs:
        yield "thread", threading.current_thread().name


class Loud(Block):
    """Write a line to the log, as a library would."""

    id = "test.loud"
    category = "Test"
    runs_in = RunsIn.THREAD

    class Input(BlockInput):
        message: str

    class Output(BlockOutput):
        message: str

    def run(self, input: Input, context: BlockContext) -> SyncOutputs:
        logging.getLogger("some.library").warning(input.message)
        yield "message", input.message


class InProcess(Block):
    """Say in which process it runs, after a while, or end that process."""

    id = "test.process"
    category = "Test"
    runs_in = RunsIn.PROCESS

    class Input(BlockInput):
        seconds: float = Field(0, ge=0)
        exit: bool = False
        fail: bool = False
        tokens: int = 0

    class Output(BlockOutput):
        process: int
        key: str

    def run(self, input: Input, context: BlockContext) -> SyncOutputs:
        context.log("working")
        context.usage(tokens=input.tokens)
        deadline = time.monotonic() + input.seconds
        while time.monotonic() < deadline:
            sum(range(1_000))
        if input.exit:
            os._exit(9)
        yield "process", os.getpid()
        if input.fail:
            raise BlockError("it went wrong", retry=False)
        yield "key", context.idempotency_key
