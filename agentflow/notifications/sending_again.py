"""Sending again what was given up."""

from typing import Any

from django.db.models import QuerySet
from django.db.models.functions import Now

from agentflow.notifications.models import Sending


def send_again(rows: QuerySet[Any]) -> int:
    """Have those of the rows that were given up tried anew; how many. A chore rings for them."""
    given_up = rows.model.objects.filter(pk__in=rows.values("pk"), state=Sending.State.FAILED)
    return int(given_up.update(state=Sending.State.PENDING, attempts=0, due_at=Now(), error="", claimed_until=None))
