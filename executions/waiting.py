"""Wait for the end of an execution without holding a thread or a database connection."""

import asyncio
from contextlib import suppress
from uuid import UUID

from executions.engine.status import FINAL
from executions.hub import WAITED, hub
from executions.models import Execution

#: The end may have come before anybody listened for it: then somebody looks after so long.
FIRST_LOOK_SECONDS = 0.02


async def wait_until_over(execution: UUID, seconds: float) -> bool:
    """Whether the execution ended within this time."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds), hub().follow(f"{WAITED}{execution}") as follower:
            await follower.wait(min(FIRST_LOOK_SECONDS, seconds / 2))
            while not await follower.topic.shared(is_over, execution):
                await follower.wait(None)
            return True
    return False


def is_over(execution: UUID) -> bool:
    """Whether the execution ended, or is gone."""
    status = Execution.objects.filter(pk=execution).values_list("status", flat=True).first()
    return status is None or status in FINAL
