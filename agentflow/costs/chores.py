"""What hosting workers do for money once in a while."""

import asyncio
import time
from collections.abc import Callable
from datetime import timedelta

from django.conf import settings
from django.utils import timezone

from agentflow.costs.counting import count_more
from agentflow.costs.funds import free_abandoned
from agentflow.costs.models import Reservation
from executions import chores, database

#: How often what was set aside for steps that are gone is freed, and the daily usage is brought up to date.
FREE_SECONDS = 5.0
COUNT_SECONDS = 60.0
#: Steps that began just now are nobody's yet.
FRESH_SECONDS = 5.0


def register() -> None:
    """Have the workers do them."""
    chores.register("free abandoned reservations", every(FREE_SECONDS, free))
    chores.register("count daily usage", every(COUNT_SECONDS, count_more))


def every(seconds: float, act: Callable[[], None]) -> Callable[[], None]:
    """The chore, done at most once in so many seconds by this process."""
    due_at = 0.0

    def if_due() -> None:
        nonlocal due_at
        if time.monotonic() >= due_at:
            due_at = time.monotonic() + seconds
            act()

    return if_due


def free() -> None:
    """Free what was set aside for steps that nobody goes on with."""
    moment = timezone.now() - timedelta(seconds=FRESH_SECONDS)
    if Reservation.objects.filter(created_at__lt=moment).exists():
        asyncio.run(_free())


async def _free() -> None:
    connection = await database.connect("agentflow costs", silence_seconds=settings.DATABASE_SECONDS)
    try:
        async with connection.transaction():
            await free_abandoned(connection)
    finally:
        await connection.close()
