"""Verbs over schedules: make, change, pause, go on, test, delete."""

from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from django.contrib.auth.models import User
from django.db import transaction

from agentflow.graphs.models import Graph
from agentflow.triggers.clock import now
from agentflow.triggers.cron import CronError, following, read
from agentflow.triggers.models import Schedule
from agentflow.triggers.pausing import pause
from agentflow.triggers.starting import GRAPH_GONE, CannotStart, start
from executions.models import Execution

#: What may be changed.
MEMBERS = ("name", "cron", "time_zone", "missed", "inputs", "time_input")


def create_schedule(graph: Graph, *, owner: User, is_paused: bool = False, **members: Any) -> Schedule:
    """A new schedule of the graph, due for the first time when its clocks next show a time that fits.

    Raises:
        CronError: the expression or the time zone is none, or fits no time.
    """
    with transaction.atomic():
        schedule = Schedule(graph=graph, graph_name=graph.name, owner=owner, **members)
        schedule.due_at = _next(schedule)
        if is_paused:
            schedule.due_at, schedule.paused_at = None, now()
        schedule.save()
    return schedule


def change_schedule(schedule: Schedule, changes: Mapping[str, Any]) -> Schedule:
    """The schedule with other members; one that goes on is due anew.

    Raises:
        CronError: the expression or the time zone is none, or fits no time.
    """
    with transaction.atomic():
        locked = _locked(schedule)
        for name in MEMBERS:
            if name in changes:
                setattr(locked, name, changes[name])
        upcoming = _next(locked)
        if {"cron", "time_zone"} & changes.keys() and locked.paused_at is None:
            locked.due_at = upcoming
        locked.save(update_fields=[*MEMBERS, "due_at"])
    return locked


def pause_schedule(schedule: Schedule) -> Schedule:
    """Let it start nothing more until somebody lets it go on; what is due meanwhile is not missed."""
    with transaction.atomic():
        locked = _locked(schedule)
        if locked.paused_at is None:
            pause(locked)
    return locked


def resume_schedule(schedule: Schedule) -> Schedule:
    """Let it go on with the next due time.

    Raises:
        CannotStart: its graph was deleted.
        CronError: it fits no time any more.
    """
    with transaction.atomic():
        locked = _locked(schedule)
        if locked.graph_id is None:
            raise CannotStart(GRAPH_GONE)
        if locked.paused_at is not None:
            locked.due_at, locked.paused_at, locked.pause_reason = _next(locked), None, ""
            locked.save(update_fields=["due_at", "paused_at", "pause_reason"])
    return locked


def test_schedule(schedule: Schedule) -> Execution:
    """Start what it would start if it were due now, also while it is paused.

    Raises:
        CannotStart: it would be paused, for this reason.
    """
    moment = now().replace(microsecond=0).isoformat()
    inputs = {schedule.time_input: moment} if schedule.time_input else {}
    return start(schedule, inputs, key=f"test:{uuid4()}")


def _next(schedule: Schedule) -> Any:
    upcoming = following(read(schedule.cron, schedule.time_zone), now(), 1)
    if not upcoming:
        raise CronError("cron", "No time fits this expression.")
    return upcoming[0]


def _locked(schedule: Schedule) -> Schedule:
    return Schedule.objects.select_for_update(of=("self",)).get(pk=schedule.pk)
