"""Date and time."""

from datetime import datetime
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

from pydantic import Field

from blocks.base import Block, BlockContext, BlockError, BlockInput, BlockOutput, Example, Outputs


class Now(Block):
    """The present moment, in a time zone."""

    id = "time.now"
    category = "Time"
    icon = "clock"

    class Input(BlockInput):
        time_zone: str = Field("", description="Such as Europe/Berlin; empty: the time zone of who runs the graph.")
        trigger: Any = Field(None, description="Link something here to wait for it; it is not used.")

    class Output(BlockOutput):
        iso: str
        date: str
        time: str
        timestamp: float
        weekday: str
        time_zone: str

    async def run(self, input: Input, context: BlockContext) -> Outputs:
        name = input.time_zone or context.user.time_zone
        now = datetime.now(zone(name))
        yield "iso", now.isoformat(timespec="microseconds")
        yield "date", now.date().isoformat()
        yield "time", now.strftime("%H:%M:%S")
        yield "timestamp", now.timestamp()
        yield "weekday", WEEKDAYS[now.weekday()]
        yield "time_zone", name

    examples: ClassVar[list[Example]] = [
        Example({"time_zone": "Mars/Olympus"}, error="no time zone “Mars/Olympus”"),
        Example({}, {"time_zone": "UTC"}, title="Where I am", partial=True),
        Example({"time_zone": "Asia/Tokyo"}, {"time_zone": "Asia/Tokyo"}, title="Elsewhere", partial=True),
    ]


WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def zone(name: str) -> ZoneInfo:
    """The time zone of this name.

    Raises:
        BlockError: there is none.
    """
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise BlockError(
            f"There is no time zone “{name[:60]}”; use a name such as Europe/Berlin.", retry=False
        ) from None
