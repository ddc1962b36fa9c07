"""Constants, templates, log lines, waiting and failing on purpose."""

import asyncio
import time
from typing import Any, ClassVar

from pydantic import Field

from blocks.base import Block, BlockContext, BlockError, BlockInput, BlockOutput, Effect, Example, Outputs, SyncOutputs
from blocks.forms import TEMPLATE, TEXTAREA
from blocks.templating import render
from blocks.values import Number, to_text

#: A year; longer waits are a schedule, not a delay.
MAX_DELAY_SECONDS = 366 * 86_400
#: Longer waits are the worker's: they hold none and outlive it.
SHORT_SECONDS = 5
#: How often a short wait shows how far it is, in seconds.
PROGRESS_SECONDS = 0.5


class Value(Block):
    """A constant; with a trigger it is given each time something arrives there."""

    id = "core.value"
    category = "Core"
    icon = "box"
    effect = Effect.PURE

    class Input(BlockInput):
        value: Any = Field(description="Any JSON value.")
        trigger: Any = Field(None, description="Link something here to wait for it; what arrives is not used.")

    class Output(BlockOutput):
        value: Any

    async def run(self, input: Input, context: BlockContext) -> Outputs:
        yield "value", input.value

    examples: ClassVar[list[Example]] = [
        Example({"value": 42}, {"value": 42}),
        Example({"value": ["a", "b"], "trigger": "go"}, {"value": ["a", "b"]}, title="With a trigger"),
        Example({"value": None}, {"value": None}, title="Null is a value"),
    ]


class Template(Block):
    """Fill a text template: {{ name }} is replaced, {% for … %} and {% if … %} repeat and choose (Jinja).

    Members of `values` are names in the template. Numbers, lists and dicts are written as JSON; a name that does not
    exist is an error, never an empty place.
    """

    id = "core.template"
    title = "Template"
    category = "Core"
    icon = "file-text"
    effect = Effect.PURE

    class Input(BlockInput):
        template: str = Field(
            max_length=100_000,
            description="Text with {{ names }} in it.",
            json_schema_extra=TEMPLATE,
        )
        values: dict[str, Any] = Field(
            default_factory=dict, description="What the names stand for; link several to values.<name>."
        )

    class Output(BlockOutput):
        text: str

    async def run(self, input: Input, context: BlockContext) -> Outputs:
        yield "text", await render(input.template, input.values)

    examples: ClassVar[list[Example]] = [
        Example({"template": "Hello {{ name }}!", "values": {"name": "Ada"}}, {"text": "Hello Ada!"}),
        Example(
            {
                "template": "{% for row in rows %}{{ loop.index }}. {{ row.items }}\n{% endfor %}",
                "values": {"rows": [{"items": "tea"}, {"items": 2}]},
            },
            {"text": "1. tea\n2. 2\n"},
            title="A list",
        ),
        Example({"template": "Hello {{ nmae }}!", "values": {"name": "Ada"}}, error="'nmae' is undefined"),
    ]


class Log(Block):
    """Write a line into the node's log and pass it on."""

    id = "core.log"
    category = "Core"
    icon = "scroll-text"
    effect = Effect.PURE

    class Input(BlockInput):
        message: Any = Field(description="Text, or any value; it is written as JSON.")

    class Output(BlockOutput):
        message: Any

    async def run(self, input: Input, context: BlockContext) -> Outputs:
        context.log(to_text(input.message))
        yield "message", input.message

    examples: ClassVar[list[Example]] = [Example({"message": "Half way"}, {"message": "Half way"})]


class Fail(Block):
    """Fail on purpose with a message; link the error port of this node to handle it."""

    id = "core.fail"
    category = "Core"
    icon = "octagon-x"
    effect = Effect.PURE

    class Input(BlockInput):
        message: str = Field(
            "Failed on purpose.",
            max_length=10_000,
            description="What the error says.",
            json_schema_extra=TEXTAREA,
        )
        trigger: Any = Field(None, description="Link something here to fail when it arrives; it is not used.")

    async def run(self, input: Input, context: BlockContext) -> Outputs:
        for output in _fail(input.message or "Failed on purpose."):
            yield output

    examples: ClassVar[list[Example]] = [Example({"message": "No stock left."}, error="No stock left.")]


def _fail(message: str) -> SyncOutputs:
    """Nothing: raises the error instead of giving outputs."""
    raise BlockError(message, retry=False)


class Delay(Block):
    """Wait some seconds, then pass the value on.

    A long wait holds no worker and outlives a restart.
    """

    id = "core.delay"
    category = "Core"
    icon = "timer"
    effect = Effect.PURE

    class Input(BlockInput):
        seconds: Number = Field(
            1,
            ge=0,
            le=MAX_DELAY_SECONDS,
            description="How long to wait; 0.5 is half a second.",
            json_schema_extra={"minimum": 0, "maximum": MAX_DELAY_SECONDS},
        )
        value: Any = Field(None, description="Passed on after the wait.")

    class Output(BlockOutput):
        value: Any

    async def run(self, input: Input, context: BlockContext) -> Outputs:
        if input.seconds > SHORT_SECONDS:
            await context.sleep(input.seconds)
        else:
            await _wait(input.seconds, context)
        yield "value", input.value

    examples: ClassVar[list[Example]] = [
        Example({"seconds": 0, "value": "tea"}, {"value": "tea"}),
        Example({"seconds": -1}, error="greater than or equal to 0"),
        Example({"seconds": True}, error="must be a number"),
    ]


async def _wait(seconds: float, context: BlockContext) -> None:
    """Sleep in slices that show how far it is; a cancel ends it at once."""
    started = time.monotonic()
    while (left := seconds - (time.monotonic() - started)) > 0:
        await asyncio.sleep(min(left, PROGRESS_SECONDS))
        if seconds > PROGRESS_SECONDS:
            context.progress(min(1.0, (time.monotonic() - started) / seconds))
