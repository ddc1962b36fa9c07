"""Making and reading dicts."""

from typing import Any, ClassVar

from pydantic import Field

from blocks.base import Block, BlockContext, BlockError, BlockInput, BlockOutput, Effect, Example, Outputs
from blocks.values import show

_SHOWN_KEYS = 10


class Get(Block):
    """The value of one key of a dict."""

    id = "dict.get"
    title = "Get key"
    category = "Dict"
    icon = "key"
    effect = Effect.PURE

    class Input(BlockInput):
        values: dict[str, Any] = Field(title="Dict")
        key: str
        default: Any = Field(None, description="Given instead when there is no such key; without it the node fails.")

    class Output(BlockOutput):
        value: Any

    async def run(self, input: Input, context: BlockContext) -> Outputs:
        if input.key in input.values:
            yield "value", input.values[input.key]
        elif "default" in input.model_fields_set:
            yield "value", input.default
        else:
            keys = ", ".join(list(input.values)[:_SHOWN_KEYS]) or "none"
            raise BlockError(f"There is no key {show(input.key)}; the keys are: {keys}.", retry=False)

    examples: ClassVar[list[Example]] = [
        Example({"values": {"name": "Ada"}, "key": "name"}, {"value": "Ada"}),
        Example({"values": {"name": None}, "key": "name", "default": "x"}, {"value": None}, title="Null is a value"),
        Example({"values": {}, "key": "name", "default": "nobody"}, {"value": "nobody"}, title="With a default"),
        Example({"values": {"name": "Ada"}, "key": "age"}, error='no key "age"; the keys are: name'),
    ]


class Set(Block):
    """A dict with one key set; the dict given stays as it is."""

    id = "dict.set"
    title = "Set key"
    category = "Dict"
    icon = "pencil"
    effect = Effect.PURE

    class Input(BlockInput):
        values: dict[str, Any] = Field(default_factory=dict, title="Dict", description="The dict; empty to begin one.")
        key: str = Field(min_length=1)
        value: Any = Field(description="What the key gets.")

    class Output(BlockOutput):
        values: dict[str, Any]

    async def run(self, input: Input, context: BlockContext) -> Outputs:
        yield "values", {**input.values, input.key: input.value}

    examples: ClassVar[list[Example]] = [
        Example({"values": {"a": 1}, "key": "b", "value": 2}, {"values": {"a": 1, "b": 2}}),
        Example({"values": {"a": 1}, "key": "a", "value": 2}, {"values": {"a": 2}}, title="Replace"),
        Example({"key": "a", "value": None}, {"values": {"a": None}}, title="Begin one"),
    ]
