"""How often a graph that fails again and again is told about: pure, time comes in with the event.

The first failure is told at once. While runs go on failing, the pause until the next word doubles from ten minutes to a
day. A graph that fails and recovers in turn does not begin anew: only a day without a failure makes it quiet again. What
was told as a failure is told as recovered, once; what was not, is not.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from agentflow.notifications.kinds import Kind

FIRST_PAUSE = timedelta(minutes=10)
LONGEST_PAUSE = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Streak:
    """What is known of a graph's last runs."""

    #: Runs that failed one after the other, up to now.
    failures: int = 0
    #: How often failures were told without a quiet day in between.
    level: int = 0
    told_at: datetime | None = None
    failed_at: datetime | None = None
    #: Somebody was told of a failure and not yet that it is over.
    is_told: bool = False


def after_failure(streak: Streak, at: datetime) -> tuple[Streak, Kind | None]:
    """The streak with one more failed run, and what to tell, if anything."""
    is_quiet = streak.failed_at is None or at - streak.failed_at >= LONGEST_PAUSE
    level = 0 if is_quiet else streak.level
    failed = replace(streak, failures=streak.failures + 1, level=level, failed_at=at)
    if streak.told_at is not None and level and at - streak.told_at < pause(level):
        return failed, None
    kind = Kind.FAILED if streak.failures == 0 else Kind.REPEATED
    return replace(failed, level=level + 1, told_at=at, is_told=True), kind


def after_success(streak: Streak) -> tuple[Streak, Kind | None]:
    """The streak after a run that completed, and what to tell, if anything."""
    return replace(streak, failures=0, is_told=False), Kind.RECOVERED if streak.is_told else None


def pause(level: int) -> timedelta:
    """How long to be silent after so many words."""
    doubled: int = 2 ** min(level - 1, 20)
    return min(FIRST_PAUSE * doubled, LONGEST_PAUSE)
