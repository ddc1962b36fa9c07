"""Starts what is due: a chore of every hosting worker.

A schedule is fired in one transaction that locks its row, starts its runs and sets when it is due next: cut off anywhere,
nothing of it has happened, and the next one to look finds it due. Two who look at once exclude each other by the lock; the
idempotency key of each due time holds besides.
"""

import logging
from datetime import datetime, timedelta

from django.db import DataError, Error, IntegrityError, transaction
from django.db.models.functions import Now

from agentflow.graphs.models import Graph
from agentflow.triggers.clock import now
from agentflow.triggers.cron import CronError, following, latest, read
from agentflow.triggers.models import Missed, Schedule
from agentflow.triggers.pausing import pause
from agentflow.triggers.starting import CannotStart, start

logger = logging.getLogger(__name__)

#: Schedules that one round fires.
MOST_AT_ONCE = 500
#: Missed due times that a schedule catches up with; older ones are left out.
MOST_MISSED = 100
#: So late a due time still counts as kept: the sweep comes once a second, and a worker may be restarted meanwhile.
LATE = timedelta(minutes=1)
DEFECT = "It could not be started because of a defect, which is in the log of the workers."


def fire_due() -> None:
    """Fire every schedule that is due, the longest waiting first."""
    due = Schedule.objects.filter(due_at__lte=Now()).order_by("due_at").values_list("pk", "graph_id")
    for schedule, graph in due[:MOST_AT_ONCE]:
        fire(schedule, graph)


def fire(pk: int, graph: int | None) -> None:
    """Fire one schedule, unless somebody else does it or has done it."""
    with transaction.atomic():
        # The graph's row first, as whoever deletes a graph locks it before its schedules.
        if graph is not None:
            Graph.objects.select_for_update(no_key=True).filter(pk=graph).values_list("pk").first()
        locked = Schedule.objects.select_for_update(skip_locked=True, of=("self",)).select_related("owner", "graph")
        schedule = locked.filter(pk=pk, due_at__lte=Now()).first()
        if schedule is None:
            return
        try:
            with transaction.atomic():
                _run(schedule, now())
        except (CannotStart, CronError) as error:
            pause(schedule, reason=str(error))
        except Exception as error:
            if isinstance(error, Error) and not isinstance(error, DataError | IntegrityError):
                raise  # the database is away, or wants it again: the next round does
            logger.exception("schedule not fired", extra={"action": "fire_failed", "schedule": pk})
            pause(schedule, reason=DEFECT)


def _run(schedule: Schedule, moment: datetime) -> None:
    """Start a run for each due time that its policy wants, and set the next one."""
    cron = read(schedule.cron, schedule.time_zone)
    for due in wanted(schedule, moment):
        inputs = {schedule.time_input: due.isoformat()} if schedule.time_input else {}
        execution = start(schedule, inputs, key=due.isoformat())
        schedule.last_due_at, schedule.last_execution, schedule.last_started_at = due, execution.pk, moment
    upcoming = following(cron, moment, 1)
    if not upcoming:
        raise CannotStart("Its cron expression fits no further time.")
    schedule.due_at = upcoming[0]
    schedule.save(update_fields=["due_at", "last_due_at", "last_execution", "last_started_at"])


def wanted(schedule: Schedule, moment: datetime) -> list[datetime]:
    """The due times up to a moment that shall run, oldest first."""
    assert schedule.due_at is not None  # noqa: S101 - only such are fired
    cron = read(schedule.cron, schedule.time_zone)
    # Whatever the expression says today, the time that was promised counts.
    times = {schedule.due_at, *latest(cron, schedule.due_at, moment, MOST_MISSED)}
    newest_first = sorted(times, reverse=True)
    match schedule.missed:
        case Missed.ALL:
            return newest_first[:MOST_MISSED][::-1]
        case Missed.ONCE:
            return newest_first[:1]
        case _:
            return [time for time in newest_first[:1] if moment - time <= LATE]
