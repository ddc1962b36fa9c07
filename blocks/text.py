"""Joining, splitting and changing text."""

from typing import Any, ClassVar

from pydantic import Field

from blocks.base import Block, BlockContext, BlockError, BlockInput, BlockOutput, Effect, Example, Outputs, Stream
from blocks.forms import TEXTAREA
from blocks.values import to_text

#: Longest text that a block of this family makes, in characters.
MAX_TEXT = 20_000_000


class Join(Block):
    """Join the members of a list into one text."""

    id = "text.join"
    category = "Text"
    icon = "text"
    effect = Effect.PURE

    class Input(BlockInput):
        items: list[Any] = Field(description="Texts; other values are written as JSON. Link several to items.<number>.")
        separator: str = Field("", description="Put between the members.")

    class Output(BlockOutput):
        text: str

    async def run(self, input: Input, context: BlockContext) -> Outputs:
        texts = [to_text(item) for item in input.items]
        _refuse_long(sum(map(len, texts)) + len(input.separator) * len(texts))
        yield "text", input.separator.join(texts)

    examples: ClassVar[list[Example]] = [
        Example({"items": ["a", "b"], "separator": ", "}, {"text": "a, b"}),
        Example({"items": ["n", 1, None, True], "separator": " "}, {"text": "n 1 null true"}, title="Other values"),
        Example({"items": []}, {"text": ""}, title="Nothing to join"),
    ]


class Split(Block):
    """Split text on a separator."""

    id = "text.split"
    category = "Text"
    icon = "scissors"
    effect = Effect.PURE

    class Input(BlockInput):
        text: str = Field(json_schema_extra=TEXTAREA)
        separator: str = Field(",", description="Where to cut; empty means at white space.")

    class Output(BlockOutput):
        parts: list[str]
        part: Stream[str]

    async def run(self, input: Input, context: BlockContext) -> Outputs:
        parts = input.text.split(input.separator or None)
        yield "parts", parts
        for part in parts:
            yield "part", part

    examples: ClassVar[list[Example]] = [
        Example({"text": "a,b"}, {"parts": ["a", "b"], "part": ["a", "b"]}),
        Example(
            {"text": " one  two ", "separator": ""},
            {"parts": ["one", "two"], "part": ["one", "two"]},
            title="At white space",
        ),
        Example({"text": ""}, {"parts": [""], "part": [""]}, title="Empty text has one empty part"),
    ]


class Replace(Block):
    """Replace every occurrence of a text by another."""

    id = "text.replace"
    category = "Text"
    icon = "replace"
    effect = Effect.PURE

    class Input(BlockInput):
        text: str = Field(json_schema_extra=TEXTAREA)
        old: str = Field(min_length=1, description="What to look for; upper and lower case matter.")
        new: str = Field("", description="What to put there.")

    class Output(BlockOutput):
        text: str
        count: int

    async def run(self, input: Input, context: BlockContext) -> Outputs:
        count = input.text.count(input.old)
        _refuse_long(len(input.text) + count * (len(input.new) - len(input.old)))
        yield "text", input.text.replace(input.old, input.new)
        yield "count", count

    examples: ClassVar[list[Example]] = [
        Example({"text": "a-b-c", "old": "-", "new": "+"}, {"text": "a+b+c", "count": 2}),
        Example({"text": "abc", "old": "b"}, {"text": "ac", "count": 1}, title="Remove"),
        Example({"text": "abc", "old": ""}, error="at least 1 character"),
    ]


def _refuse_long(length: int) -> None:
    if length > MAX_TEXT:
        raise BlockError(f"The text would be longer than {MAX_TEXT:,} characters.", retry=False)
