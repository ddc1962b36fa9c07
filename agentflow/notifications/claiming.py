"""Taking what is due so that nobody else takes it too, and writing down what became of it."""

import logging
from collections.abc import Sequence
from datetime import timedelta
from typing import TypeVar
from uuid import UUID

from django.db.models import F, Q, QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from agentflow.notifications.models import Sending
from agentflow.notifications.pacing import retry_after

logger = logging.getLogger(__name__)

#: Whoever has claimed something and does not write what became of it within so long, has died.
CLAIM = timedelta(minutes=2)
MOST_ERROR = 500

Row = TypeVar("Row", bound=Sending)


def due(rows: QuerySet[Row]) -> QuerySet[Row]:
    """Those of the rows that are due and that nobody is at; oldest first."""
    free = Q(claimed_until=None) | Q(claimed_until__lt=Now())
    return rows.filter(free, state=Sending.State.PENDING, due_at__lte=Now()).order_by("due_at", "id")


def claim(rows: QuerySet[Row]) -> None:
    """They are ours for a while: count the try."""
    rows.update(claimed_until=Now() + CLAIM, attempts=F("attempts") + 1)


def settle(rows: QuerySet[Row], attempts: int) -> None:
    """They were sent."""
    rows.filter(state=Sending.State.PENDING, attempts=attempts).update(
        state=Sending.State.SENT, sent_at=Now(), claimed_until=None, error=""
    )


def put_off(rows: QuerySet[Row], attempts: int, error: str, *, retry: bool = True) -> bool:
    """They could not be sent: again later, or never; whether they are given up."""
    pause = retry_after(attempts) if retry else None
    mine = rows.filter(state=Sending.State.PENDING, attempts=attempts)
    text = error.replace("\0", "")[:MOST_ERROR]
    logger.warning("not sent: %s", text, extra={"action": "not_sent", "attempts": attempts})
    if pause is None:
        mine.update(state=Sending.State.FAILED, claimed_until=None, error=text)
        return True
    mine.update(due_at=timezone.now() + pause, claimed_until=None, error=text)
    return False


def keys(rows: Sequence[Row]) -> list[UUID]:
    """Their ids."""
    return [row.pk for row in rows]
