"""What hosting workers do once a second: tell what nobody was told of, ring for what is due, forget what is old."""

import time
from collections.abc import Callable
from datetime import timedelta

from django.db import transaction
from django.db.models.functions import Now

from agentflow.notifications import jobs
from agentflow.notifications.asking import tell_questions
from agentflow.notifications.budgets import tell_budgets
from agentflow.notifications.claiming import due
from agentflow.notifications.lateness import tell_late
from agentflow.notifications.models import Delivery, HookCall, Notification
from executions.followers import take_lock

#: Seconds between looks at what may take longer, and days after which things are forgotten.
LATE_SECONDS, RING_SECONDS, FORGET_SECONDS = 30.0, 5.0, 600.0
KEPT_DAYS = 90
BATCH = 1_000


def tell() -> None:
    """Everything; each by one worker at a time."""
    tell_questions()
    tell_budgets()
    for name, seconds, act in (
        ("ring", RING_SECONDS, ring_due),
        ("late", LATE_SECONDS, tell_late),
        ("forget", FORGET_SECONDS, forget_old),
    ):
        _now_and_then(name, seconds, act)


def ring_due() -> None:
    """Ring for what is due and was not sent: its time has come, or its job or its worker is gone."""
    for channel in set(due(Delivery.objects.all()).values_list("channel", flat=True)[:BATCH]):
        jobs.ring(jobs.SEND, channel)
    for hook in set(due(HookCall.objects.all()).values_list("hook", flat=True)[:BATCH]):
        jobs.ring(jobs.CALL, hook)


def forget_old() -> None:
    """Delete what is older than three months, a part at a time."""
    old = Now() - timedelta(days=KEPT_DAYS)
    told = Notification.objects.filter(happened_at__lt=old).order_by("happened_at").values("pk")[:BATCH]
    Notification.objects.filter(pk__in=told).delete()
    calls = HookCall.objects.filter(created_at__lt=old).exclude(state=HookCall.State.PENDING).values("pk")[:BATCH]
    HookCall.objects.filter(pk__in=calls).delete()


_done_at: dict[str, float] = {}


def _now_and_then(name: str, seconds: float, act: Callable[[], object]) -> None:
    """Do it if this process has not for so long, and nobody else does."""
    if time.monotonic() - _done_at.get(name, -seconds) < seconds:
        return
    _done_at[name] = time.monotonic()
    with transaction.atomic():
        if take_lock(f"notifications {name}"):
            act()
