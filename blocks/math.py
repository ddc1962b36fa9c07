"""Calculating with numbers."""

from typing import ClassVar, Literal

from pydantic import Field

from blocks.base import Block, BlockContext, BlockInput, BlockOutput, Effect, Example, Outputs
from blocks.decimals import calculate, rounded
from blocks.forms import SETTING
from blocks.values import Integer, Number

Operation = Literal["add", "subtract", "multiply", "divide", "power", "modulo", "min", "max"]


class Calculate(Block):
    """Calculate with two numbers, exactly as they are written: 0.1 + 0.2 is 0.3."""

    id = "math.calculate"
    category = "Math"
    icon = "calculator"
    effect = Effect.PURE

    class Input(BlockInput):
        a: Number = Field(description="The first number.")
        b: Number = Field(description="The second number.")
        operation: Operation = Field("add", description="modulo: the rest of a division, with the sign of b.")
        decimals: Integer | None = Field(
            None,
            ge=0,
            le=15,
            description="Round the result to so many decimals; empty: do not round.",
            json_schema_extra=SETTING,
        )

    class Output(BlockOutput):
        result: Number

    async def run(self, input: Input, context: BlockContext) -> Outputs:
        result = calculate(input.operation, input.a, input.b)
        yield "result", result if input.decimals is None else rounded(result, input.decimals)

    examples: ClassVar[list[Example]] = [
        Example({"a": 2, "b": 3}, {"result": 5}),
        Example({"a": 0.1, "b": 0.2}, {"result": 0.3}, title="No rounding noise"),
        Example({"a": 19.99, "b": 3, "operation": "multiply"}, {"result": 59.97}),
        Example({"a": 7, "b": 2, "operation": "divide"}, {"result": 3.5}),
        Example({"a": 10, "b": 3, "operation": "divide", "decimals": 2}, {"result": 3.33}, title="Rounded"),
        Example({"a": -7, "b": 3, "operation": "modulo"}, {"result": 2}),
        Example({"a": 2, "b": 10, "operation": "power"}, {"result": 1024}),
        Example({"a": 2, "b": 10, "operation": "max"}, {"result": 10}),
        Example({"a": 1, "b": 0, "operation": "divide"}, error="Cannot divide 1 by zero"),
        Example({"a": 10, "b": 10_000, "operation": "power"}, error="too large"),
        Example({"a": True, "b": 1}, error="must be a number"),
    ]
