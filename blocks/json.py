"""JSON text to values and back."""

from typing import Any, ClassVar

from pydantic import Field

from blocks.base import Block, BlockContext, BlockInput, BlockOutput, Effect, Example, Outputs
from blocks.forms import CODE
from blocks.values import parse_json, to_json


class Parse(Block):
    """Read JSON text."""

    id = "json.parse"
    title = "Parse JSON"
    category = "Data"
    icon = "braces"
    effect = Effect.PURE

    class Input(BlockInput):
        text: str = Field(json_schema_extra=CODE)

    class Output(BlockOutput):
        value: Any

    async def run(self, input: Input, context: BlockContext) -> Outputs:
        yield "value", parse_json(input.text)

    examples: ClassVar[list[Example]] = [
        Example({"text": '{"a": [1, 2.5, null]}'}, {"value": {"a": [1, 2.5, None]}}),
        Example({"text": '"text"'}, {"value": "text"}),
        Example({"text": "{'a': 1}"}, error="is not JSON"),
        Example({"text": '{"a": NaN}'}, error="is not JSON"),
        Example({"text": "123456789012345678901"}, error="too large to keep exactly"),
        Example({"text": "[" * 200 + "]" * 200}, error="nested more than 100 levels"),
    ]


class Dump(Block):
    """Write a value as JSON text."""

    id = "json.dump"
    title = "Write JSON"
    category = "Data"
    icon = "file-json"
    effect = Effect.PURE

    class Input(BlockInput):
        value: Any = Field(description="Any value.")
        pretty: bool = Field(default=False, description="One member a line, indented by two.")

    class Output(BlockOutput):
        text: str

    async def run(self, input: Input, context: BlockContext) -> Outputs:
        yield "text", to_json(input.value, pretty=input.pretty)

    examples: ClassVar[list[Example]] = [
        Example({"value": {"a": [1, None]}}, {"text": '{"a":[1,null]}'}),
        Example({"value": {"a": 1}, "pretty": True}, {"text": '{\n  "a": 1\n}'}, title="Pretty"),
        Example({"value": "é"}, {"text": '"é"'}),
    ]
