"""Blocks that only the written cases use: what they do depends on their input and on the attempt, on nothing else."""

from typing import Any

from blocks.base import Block, BlockContext, BlockError, BlockInput, BlockOutput, Effect, Outputs, Stream


class Flaky(Block):
    """Fail the first times, then give the value."""

    id = "case.flaky"
    category = "Test"
    effect = Effect.PURE

    class Input(BlockInput):
        value: Any = None
        failures: int = 1
        retry: bool = True

    class Output(BlockOutput):
        value: Any

    async def run(self, input: Input, context: BlockContext) -> Outputs:
        if context.attempt <= input.failures:
            raise BlockError(f"not yet, try {context.attempt}", retry=input.retry)
        yield "value", input.value


class Half(Block):
    """A stream that fails after its items, the first times."""

    id = "case.half"
    category = "Test"
    effect = Effect.PURE

    class Input(BlockInput):
        items: list[Any]
        rest: list[Any] = []
        failures: int = 1

    class Output(BlockOutput):
        item: Stream[Any]
        count: int

    async def run(self, input: Input, context: BlockContext) -> Outputs:
        for item in input.items:
            yield "item", item
        if context.attempt <= input.failures:
            raise BlockError("broke off")
        for item in input.rest:
            yield "item", item
        yield "count", len(input.items) + len(input.rest)


class Partial(Block):
    """Give the first value, then fail."""

    id = "case.partial"
    category = "Test"
    effect = Effect.PURE

    class Input(BlockInput):
        value: Any

    class Output(BlockOutput):
        first: Any
        second: Any

    async def run(self, input: Input, context: BlockContext) -> Outputs:
        yield "first", input.value
        raise BlockError("no second value", retry=False)


class Twice(Block):
    """Give two values on a port that takes one."""

    id = "case.twice"
    category = "Test"
    effect = Effect.PURE

    class Input(BlockInput):
        value: Any

    class Output(BlockOutput):
        value: Any

    async def run(self, input: Input, context: BlockContext) -> Outputs:
        yield "value", input.value
        yield "value", input.value


class Silent(Block):
    """Do nothing and give nothing."""

    id = "case.silent"
    category = "Test"
    effect = Effect.PURE

    class Input(BlockInput):
        value: Any = None

    class Output(BlockOutput):
        value: Any
        item: Stream[Any]

    async def run(self, input: Input, context: BlockContext) -> Outputs:
        if context.attempt < 1:
            yield "value", None


class Uneven(Block):
    """Two streams of different length."""

    id = "case.uneven"
    category = "Test"
    effect = Effect.PURE

    class Input(BlockInput):
        left: list[Any]
        right: list[Any]

    class Output(BlockOutput):
        left: Stream[Any]
        right: Stream[Any]

    async def run(self, input: Input, context: BlockContext) -> Outputs:
        for item in input.left:
            yield "left", item
        for item in input.right:
            yield "right", item
