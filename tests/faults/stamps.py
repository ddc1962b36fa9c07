"""Blocks that write down when they really did something."""

import asyncio
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import Field

from blocks.base import Block, BlockContext, BlockInput, BlockOutput, Effect, Outputs, RunsIn, SyncOutputs

#: Names the file, one line an effect; lines this short are appended whole.
FILE = "AGENTFLOW_TEST_STAMPS"


@dataclass(frozen=True, slots=True)
class Stamp:
    """One effect: when it happened, in which process, and the key that tells repetitions."""

    at: float
    execution: str
    key: str
    pid: int


def stamps(file: Path) -> list[Stamp]:
    """What happened so far."""
    if not file.exists():
        return []
    found = [line.split() for line in file.read_text().splitlines()]
    return [Stamp(float(at), execution, key, int(pid)) for at, execution, key, pid in found]


def stamp(context: BlockContext) -> None:
    """It happens now."""
    line = f"{time.time():.6f} {context.execution_id} {context.idempotency_key} {os.getpid()}\n"
    with Path(os.environ[FILE]).open("a") as file:
        file.write(line)


class Input(BlockInput):
    """How long it takes after it has happened."""

    seconds: float = Field(0.02, ge=0)
    value: Any = None


class Effectful(Block):
    """Do it, then take a moment on the loop."""

    id = "stamp.loop"
    category = "Test"
    effect = Effect.IDEMPOTENT

    class Input(Input):
        """As above."""

    class Output(BlockOutput):
        value: Any

    async def run(self, input: Input, context: BlockContext) -> Outputs:
        stamp(context)
        await asyncio.sleep(input.seconds)
        yield "value", input.value


class InProcess(Block):
    """Do it, then compute for a moment in a process."""

    id = "stamp.process"
    category = "Test"
    effect = Effect.IDEMPOTENT
    runs_in = RunsIn.PROCESS

    class Input(Input):
        """As above."""

    class Output(BlockOutput):
        value: Any

    def run(self, input: Input, context: BlockContext) -> SyncOutputs:
        stamp(context)
        deadline = time.monotonic() + input.seconds
        while time.monotonic() < deadline:
            sum(range(1_000))
        yield "value", input.value
