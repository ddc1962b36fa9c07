"""Making and reading lists."""

from typing import Any, ClassVar

from pydantic import Field

from blocks.base import Block, BlockContext, BlockError, BlockInput, BlockOutput, Effect, Example, Outputs
from blocks.values import Integer


class Append(Block):
    """Add a value at the end of a list; the list given stays as it is."""

    id = "list.append"
    category = "List"
    icon = "list-plus"
    effect = Effect.PURE

    class Input(BlockInput):
        items: list[Any] = Field(default_factory=list, description="The list; empty to begin one.")
        value: Any = Field(description="What to add.")

    class Output(BlockOutput):
        items: list[Any]

    async def run(self, input: Input, context: BlockContext) -> Outputs:
        yield "items", [*input.items, input.value]

    examples: ClassVar[list[Example]] = [
        Example({"items": [1], "value": 2}, {"items": [1, 2]}),
        Example({"value": None}, {"items": [None]}, title="Null is a value"),
        Example({"items": [1], "value": [2, 3]}, {"items": [1, [2, 3]]}, title="A list is one value"),
    ]


class Get(Block):
    """One member of a list by its number, counted from 0; negative numbers count from the end."""

    id = "list.get"
    title = "Get item"
    category = "List"
    icon = "list-filter"
    effect = Effect.PURE

    class Input(BlockInput):
        items: list[Any] = Field(description="The list.")
        index: Integer = Field(0, description="0 is the first, -1 the last.")
        default: Any = Field(None, description="Given instead when the list is too short; without it the node fails.")

    class Output(BlockOutput):
        item: Any

    async def run(self, input: Input, context: BlockContext) -> Outputs:
        length = len(input.items)
        if -length <= input.index < length:
            yield "item", input.items[input.index]
        elif "default" in input.model_fields_set:
            yield "item", input.default
        else:
            raise BlockError(f"There is no item {input.index}: the list has {length} items.", retry=False)

    examples: ClassVar[list[Example]] = [
        Example({"items": ["a", "b", "c"], "index": 1}, {"item": "b"}),
        Example({"items": ["a", "b", "c"], "index": -1}, {"item": "c"}, title="The last"),
        Example({"items": [], "default": "none"}, {"item": "none"}, title="With a default"),
        Example({"items": ["a"], "index": 1}, error="There is no item 1: the list has 1 items"),
    ]


class Length(Block):
    """How many members a list has."""

    id = "list.length"
    category = "List"
    icon = "hash"
    effect = Effect.PURE

    class Input(BlockInput):
        items: list[Any] = Field(description="The list.")

    class Output(BlockOutput):
        length: int

    async def run(self, input: Input, context: BlockContext) -> Outputs:
        yield "length", len(input.items)

    examples: ClassVar[list[Example]] = [
        Example({"items": ["a", "b"]}, {"length": 2}),
        Example({"items": []}, {"length": 0}),
    ]
