"""When something that is to be sent is due: pure."""

from datetime import datetime, time, timedelta, tzinfo

from agentflow.notifications.kinds import Pace

#: Between two messages to the same place; what comes meanwhile goes into the second one.
GAP = timedelta(minutes=1)
#: When the daily message is due, by the person's clocks.
MORNING = time(8)
#: Pauses between tries of one message, and how many there are: half a minute, doubled up to an hour; five hours in all.
RETRY, LONGEST_RETRY = timedelta(seconds=30), timedelta(hours=1)
TRIES = 12


def due_at(pace: str, now: datetime, *, sent_at: datetime | None, zone: tzinfo) -> datetime:
    """When what happens now is to be sent to a place that got its last message at `sent_at`."""
    if pace == Pace.HOURLY:
        return now.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    if pace == Pace.DAILY:
        here = now.astimezone(zone)
        day = here.date() if here.time() < MORNING else here.date() + timedelta(days=1)
        return datetime.combine(day, MORNING, tzinfo=zone)
    return max(now, sent_at + GAP) if sent_at else now


def retry_after(attempts: int) -> timedelta | None:
    """How long to wait after so many tries; None: it is given up."""
    return min(RETRY * 2 ** (attempts - 1), LONGEST_RETRY) if attempts < TRIES else None
