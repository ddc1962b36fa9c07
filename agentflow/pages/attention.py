"""What needs a person's attention, in sentences."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.contrib.auth.models import User
from django.db.models import Count, Max, Min
from django.urls import reverse
from django.utils import timezone
from django.utils.text import Truncator

from agentflow.graphs.models import Role
from agentflow.graphs.permissions import graphs_for
from agentflow.triggers.models import MODELS
from agentflow.triggers.permissions import triggers_for
from executions.asked import STATES, visible
from executions.engine.status import Status
from executions.ids import uuid7_floor
from executions.models import Execution

#: A run that nobody started within this time says that the workers are down or full.
QUEUED_TOO_LONG = timedelta(seconds=30)
#: Characters of the newest failure's reason.
MOST_REASON = 160


@dataclass(frozen=True, slots=True)
class Notice:
    """One line: what is wrong, since when, and where to look."""

    level: str
    title: str
    text: str
    at: datetime
    url: str


def needs_attention(user: User) -> list[Notice]:
    """Runs that do not start, triggers that paused by themselves, what waits for a decision, failures of the last day; worst first."""
    now = timezone.now()
    return [*_stuck_queue(user, now), *_paused_triggers(user), *_open_questions(user), *_failures(user, now)][:8]


def _stuck_queue(user: User, now: datetime) -> list[Notice]:
    waiting = Execution.objects.filter(
        graph__in=graphs_for(user).order_by(), status=Status.QUEUED, queued_at__lt=now - QUEUED_TOO_LONG
    ).aggregate(count=Count("id"), oldest=Min("queued_at"))
    if not waiting["count"]:
        return []
    many = "1 run has" if waiting["count"] == 1 else f"{waiting['count']} runs have"
    text = f"{many} waited for a worker for more than {QUEUED_TOO_LONG.seconds} s."
    return [Notice("warning", "Runs are queued", text, waiting["oldest"], reverse("executions") + "?status=active")]


def _paused_triggers(user: User) -> list[Notice]:
    """Triggers that start nothing before somebody mends something; the newest first."""
    found = [
        Notice(
            "error",
            f"{trigger} is paused",
            Truncator(trigger.pause_reason).chars(MOST_REASON),
            trigger.paused_at,
            reverse("trigger", args=[trigger.kind, trigger.pk]),
        )
        for model in MODELS.values()
        for trigger in triggers_for(model, user).filter(paused_at__isnull=False).exclude(pause_reason="")[:3]
    ]
    return sorted(found, key=lambda notice: notice.at, reverse=True)[:3]


def _open_questions(user: User) -> list[Notice]:
    """What the user may decide, by graph; the longest waiting first."""
    waiting = (
        visible(user, Role.RUNNER)
        .filter(STATES["open"])
        .values("execution__graph_id", "execution__graph__name")
        .annotate(count=Count("id"), oldest=Min("created_at"))
        .order_by("oldest")[:4]
    )
    return [
        Notice(
            "warning",
            row["execution__graph__name"],
            "A question waits for a decision."
            if row["count"] == 1
            else f"{row['count']} questions wait for a decision.",
            row["oldest"],
            f"{reverse('approvals')}?graph={row['execution__graph_id']}",
        )
        for row in waiting
    ]


def _failures(user: User, now: datetime) -> list[Notice]:
    runs = Execution.objects.filter(status=Status.FAILED, id__gte=uuid7_floor(now - timedelta(days=1)))
    failed = list(
        runs.filter(graph__in=graphs_for(user).order_by())
        .values("graph_id", "graph__name")
        .annotate(count=Count("id"), newest=Max("ended_at"))
        .order_by("-newest")[:6]
    )
    newest = runs.filter(graph__in=[row["graph_id"] for row in failed]).order_by("graph_id", "-id").distinct("graph_id")
    reasons = dict(newest.values_list("graph_id", "error__detail"))
    return [
        Notice(
            "error",
            row["graph__name"],
            _failed(row["count"], reasons.get(row["graph_id"])),
            row["newest"],
            f"{reverse('executions')}?status=failed&graph={row['graph_id']}",
        )
        for row in failed
    ]


def _failed(count: int, reason: str | None) -> str:
    text = f"{count} run{'s' * (count > 1)} failed in the last 24 hours"
    return f"{text}, last: {Truncator(reason).chars(MOST_REASON)}" if reason else f"{text}."
