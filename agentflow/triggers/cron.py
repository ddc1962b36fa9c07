"""When a schedule is due: a cron expression on the clocks of a time zone, pure.

The expression is matched with wall-clock times, which are then placed on the time line. Where clocks change, an expression
with fixed times (neither minute nor hour begins with `*`) runs once a day as people expect: a time that is left out runs
at the moment of the change, one that comes twice runs the first time. All others run whenever the clock shows a time that
fits. Source: cron(8) of Debian, "daylight saving time and other time changes".
"""

import heapq
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import islice
from zoneinfo import ZoneInfo

MOST_CHARACTERS = 100
FIELDS = 5
NAMES = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
#: No clock is put back further since 1970, but for the date line.
LARGEST_CHANGE = timedelta(hours=3)
MINUTE = timedelta(minutes=1)
#: How far back `latest` looks at first, and then.
WINDOWS = (timedelta(hours=1), timedelta(days=1), timedelta(days=31), timedelta(days=366))


class CronError(ValueError):
    """The expression or the time zone is none; the message says what is wrong."""

    def __init__(self, member: str, message: str) -> None:
        super().__init__(message)
        self.member = member


@dataclass(frozen=True, slots=True)
class Cron:
    """An expression of five fields in a time zone; make it with `read`."""

    expression: str
    zone: ZoneInfo

    @property
    def is_fixed(self) -> bool:
        """It names its times of the day, instead of repeating all day or all hour."""
        minute, hour, *_ = self.expression.split()
        return not (minute.startswith("*") or hour.startswith("*"))


@lru_cache(maxsize=1_000)
def read(expression: str, time_zone: str) -> Cron:
    """The schedule that a person wrote.

    Raises:
        CronError: it cannot be read, or there is no such time zone.
    """
    from cronsim import CronSim, CronSimError

    written = " ".join(expression.split())
    fields = NAMES.get(written.lower(), written)
    if len(fields) > MOST_CHARACTERS or len(fields.split()) != FIELDS or not fields.isascii():
        detail = "Write five fields: minute, hour, day of the month, month, day of the week, for example 30 8 * * 1-5."
        raise CronError("cron", detail)
    try:
        CronSim(fields, datetime(2000, 1, 1))  # noqa: DTZ001 - a wall clock
    except CronSimError as error:
        raise CronError("cron", f"This is no cron expression: {error}.") from None
    return Cron(fields, zone(time_zone))


def zone(name: str) -> ZoneInfo:
    """The time zone of this name.

    Raises:
        CronError: there is none.
    """
    if name not in zones():
        raise CronError("time_zone", "There is no such time zone. Write it like Europe/Berlin.")
    return ZoneInfo(name)


@lru_cache(maxsize=1)
def zones() -> frozenset[str]:
    """Names of all time zones."""
    from zoneinfo import available_timezones

    return frozenset(available_timezones() - {"localtime", "Factory"})


def following(cron: Cron, after: datetime, count: int) -> list[datetime]:
    """The next due times after a moment, in UTC; fewer if there are no more in fifty years."""
    return list(islice(_moments(cron, after), count))


def latest(cron: Cron, after: datetime, until: datetime, count: int) -> list[datetime]:
    """The last due times of those after one moment and up to another, oldest first."""
    for window in (*WINDOWS, None):
        start = after if window is None else max(after, until - window)
        found = deque((moment for moment in _until(cron, start, until)), maxlen=count)
        if start == after or len(found) == count:
            break
    return list(found)


def _until(cron: Cron, after: datetime, until: datetime) -> Iterator[datetime]:
    for moment in _moments(cron, after):
        if moment > until:
            return
        yield moment


def _moments(cron: Cron, after: datetime) -> Iterator[datetime]:
    """Due times after a moment, in order; each once, though clocks may show it twice."""
    last = after.astimezone(UTC)
    repeated: list[datetime] = []
    for wall in _wall_times(cron, last.astimezone(cron.zone).replace(tzinfo=None) - LARGEST_CHANGE):
        first, second = _placed(cron, wall)
        if first is None:
            continue
        while repeated and repeated[0] < first:
            moment = heapq.heappop(repeated)
            if moment > last:
                last = moment
                yield moment
        if first > last:
            last = first
            yield first
        if second is not None:
            heapq.heappush(repeated, second)
    for moment in sorted(repeated):
        if moment > last:
            last = moment
            yield moment


def _wall_times(cron: Cron, start: datetime) -> Iterator[datetime]:
    from cronsim import CronSim

    yield from CronSim(cron.expression, start - MINUTE)


def _placed(cron: Cron, wall: datetime) -> tuple[datetime | None, datetime | None]:
    """When the clocks show this time, and when they show it again; those with fixed times run once in any case."""
    earlier, later = (wall.replace(tzinfo=cron.zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    if earlier == later:
        return earlier, None
    if earlier < later:  # put back: shown twice
        return earlier, None if cron.is_fixed else later
    return _change(cron.zone, later, earlier) if cron.is_fixed else None, None


def _change(zone: ZoneInfo, before: datetime, after: datetime) -> datetime:
    """The moment between these two at which the clocks are put forward."""
    offset = before.astimezone(zone).utcoffset()
    while after - before > timedelta(seconds=1):
        middle = (before + (after - before) / 2).replace(microsecond=0)
        if middle.astimezone(zone).utcoffset() == offset:
            before = middle
        else:
            after = middle
    return after
