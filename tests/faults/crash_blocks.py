"""Steps that leave a trace outside: one of each effect class for each place where blocks run."""

import json
from itertools import product
from pathlib import Path
from typing import Any

from blocks.base import (
    Block,
    BlockContext,
    BlockInput,
    BlockOutput,
    Cost,
    Effect,
    Outputs,
    RunsIn,
    Stream,
    SyncOutputs,
)
from blocks.costs import RUN

PARTS = [1, 2]


class Step(Block):
    """Leave a line in a file, which is the outside world, then give two items and a value."""

    category = "Test"
    costs = [Cost(RUN, "0.01")]

    class Input(BlockInput):
        file: str
        value: Any = None
        #: Length of a text that the value is, if any.
        size: int = 0

    class Output(BlockOutput):
        part: Stream[int]
        value: Any


class OnLoop(Step):
    async def run(self, input: Step.Input, context: BlockContext) -> Outputs:
        happen(input, context)
        for port, value in given(input):
            yield port, value


class Beside(Step):
    def run(self, input: Step.Input, context: BlockContext) -> SyncOutputs:
        happen(input, context)
        yield from given(input)


def happen(input: Step.Input, context: BlockContext) -> None:
    """The effect: one write, which a process that dies afterwards cannot take back."""
    line: dict[str, Any] = {"execution": context.execution_id, "key": context.idempotency_key, "node": context.node}
    line |= {"path": list(context.path), "value": input.value, "size": input.size}
    with Path(input.file).open("a") as file:
        file.write(json.dumps(line) + "\n")


def given(input: Step.Input) -> list[tuple[str, Any]]:
    return [*(("part", part) for part in PARTS), ("value", result(input.value, input.size))]


def result(value: Any, size: int) -> str:
    return "x" * size if size else f"done {value}"


def block_id(effect: Effect, place: RunsIn) -> str:
    return f"crash.{effect}_{place}"


for _effect, _place in product(Effect, RunsIn):
    _name = f"{_effect}_{_place}".title().replace("_", "")
    _base = OnLoop if _place is RunsIn.ASYNC else Beside
    globals()[_name] = type(
        _name,
        (_base,),
        {
            "__module__": __name__,
            "__doc__": Step.__doc__,
            "id": block_id(_effect, _place),
            "effect": _effect,
            "runs_in": _place,
        },
    )
