"""Blocks that do the worst, on the worker's loop, in a thread and in a process."""

import asyncio
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, NoReturn

from django.conf import settings

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

HUGE = 100_000_000
#: Tasks that nobody waits for.
TASKS: list[asyncio.Task[None]] = []
#: A step that would never end ends when the test opens its gate, so that no thread is left.
GATES: dict[str, threading.Event] = defaultdict(threading.Event)


class Wordless(Exception):
    """Has no text at all."""

    def __str__(self) -> NoReturn:
        raise RuntimeError("no words")

    __repr__ = __str__


class Unforeseen(BaseException):
    """No Exception."""


class OddText(str):
    """Text that is never what it seems."""

    __slots__ = ()

    def __eq__(self, other: object) -> NoReturn:
        raise RuntimeError("not comparable")

    def __hash__(self) -> NoReturn:
        raise RuntimeError("not hashable")


RAISED: dict[str, Any] = {
    "Exception": Exception("plain"),
    "Unforeseen": Unforeseen(),
    "KeyboardInterrupt": KeyboardInterrupt(),
    "SystemExit": SystemExit(3),
    "CancelledError": asyncio.CancelledError(),
    "GeneratorExit": GeneratorExit(),
    "StopIteration": StopIteration(1),
    "StopAsyncIteration": StopAsyncIteration(),
    "TimeoutError": TimeoutError(),
    "MemoryError": MemoryError(),
    "BaseExceptionGroup": BaseExceptionGroup("both", [KeyboardInterrupt(), GeneratorExit()]),
    "Wordless": Wordless(),
    "BlockError without words": BlockError(Wordless()),  # type: ignore[arg-type]
}


def misdeed(how: str, context: BlockContext) -> Iterator[Any]:
    """Does it; what a block would yield."""
    if how.startswith("raise "):
        raise RAISED[how.removeprefix("raise ")]
    match how:
        case "recurse":
            _recurse()
        case "huge error":
            raise BlockError("x" * HUGE, retry=False)
        case "huge log":
            context.log("x" * HUGE)
            for number in range(10_000):
                context.log(f"line {number}")
        case "odd log":
            context.log(Wordless(), Wordless())  # type: ignore[arg-type]
            context.progress(float("nan"), Wordless())  # type: ignore[arg-type]
        case "odd port":
            yield OddText("value"), 1
        case "wordless port":
            yield Wordless(), 1
        case "nothing":
            yield None
        case "triple":
            yield "value", 1, 2
        case "function":
            yield "value", misdeed
        case "wordless value":
            yield "value", [Wordless()]
        case "5 MB":
            yield "value", "x" * 5_000_000
        case "64 MB":
            yield "value", "x" * (settings.MAX_VALUE_BYTES - 2)
        case "above the limit":
            yield "value", "x" * settings.MAX_VALUE_BYTES
        case "many":
            yield from (("item", number) for number in range(10_000_000))
        case "stdout":
            print("x" * 1_000_000)  # noqa: T201 - that is what it is about
            sys.stderr.write("y" * 1_000_000)
            yield "value", 1
        case "close descriptors":
            for number in range(3):
                with suppress(OSError):
                    os.close(number)
            yield "value", "x" * 50_000
        case "change folder":
            os.chdir("/")
            yield "value", "y" * 50_000
        case "signals":
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGALRM, signal.SIGCHLD):
                signal.signal(number, signal.SIG_IGN)
            yield "value", 1
        case "thread":
            threading.Thread(target=time.sleep, args=(600,), daemon=False, name="outlives").start()
            yield "value", 1
        case "child":
            yield "value", subprocess.Popen(["/bin/sleep", "600"], start_new_session=True).pid
        case "exit":
            os._exit(9)
        case "killed by the kernel":
            os.kill(os.getpid(), signal.SIGKILL)
        case "memory":
            yield "value", len(bytearray(8 * 1024**3))
        case "sleep":
            time.sleep(600)
        case "sleep a moment":
            time.sleep(1)
            yield "value", 1
        case "wait for the test":
            GATES["poison"].wait()
        case "hold the lock":
            yield "value", bool(re.match(r"(a+)+$", "a" * 60 + "b"))
        case _:
            raise AssertionError(how)


def _recurse() -> int:
    return 1 + _recurse()


class Asked(BlockInput):
    """What to do."""

    how: str
    value: Any = None


class Given(BlockOutput):
    """One value, or many."""

    value: Any
    item: Stream[Any]


class OnLoop(Block):
    """Do it on the worker's loop."""

    id = "poison.loop"
    category = "Test"
    effect = Effect.IDEMPOTENT

    class Input(Asked):
        """What to do."""

    class Output(Given):
        """What came of it."""

    async def run(self, input: Input, context: BlockContext) -> Outputs:
        match input.how:
            case "hang":
                await asyncio.Event().wait()
            case "ignore cancellation":
                while not GATES["poison"].is_set():
                    with suppress(asyncio.CancelledError):
                        await asyncio.sleep(0.01)
                yield "value", "too late"
            case "odd question":
                await context.ask("\ud800\x00" * 100, key="\ud800")
            case "exit in a task":
                await asyncio.gather(_exit())
            case "exit in a task that nobody waits for":
                TASKS.append(asyncio.create_task(_exit()))
            case how:
                for pair in misdeed(how, context):
                    yield pair


async def _exit() -> None:
    sys.exit(4)


class InThread(Block):
    """Do it in a thread."""

    id = "poison.thread"
    category = "Test"
    effect = Effect.IDEMPOTENT
    runs_in = RunsIn.THREAD

    class Input(Asked):
        """What to do."""

    class Output(Given):
        """What came of it."""

    def run(self, input: Input, context: BlockContext) -> SyncOutputs:
        yield from misdeed(input.how, context)


class InProcess(Block):
    """Do it in a process."""

    id = "poison.process"
    category = "Test"
    effect = Effect.IDEMPOTENT
    runs_in = RunsIn.PROCESS

    class Input(Asked):
        """What to do."""

    class Output(Given):
        """What came of it."""

    def run(self, input: Input, context: BlockContext) -> SyncOutputs:
        yield from misdeed(input.how, context)
