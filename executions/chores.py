"""What the apps above have hosting workers do once in a while: start what is due, tell who wants to know.

Every hosting worker does every chore. A chore finds its work by state, skips what others have locked, and so may run on
several workers at once or be cut off anywhere.
"""

import asyncio
import logging
import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from django.conf import settings
from django.db import Error, connection, connections

logger = logging.getLogger(__name__)

_chores: dict[str, Callable[[], object]] = {}


def register(name: str, chore: Callable[[], object]) -> None:
    """Have every hosting worker call it about once in `SWEEP_SECONDS`; it uses Django's database connection."""
    _chores[name] = chore


class Chores:
    """Calls the chores one after the other, in a thread and with a connection of their own."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="chores")

    async def run(self) -> None:
        """For ever, with jitter so that workers do not meet."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(settings.SWEEP_SECONDS * random.uniform(0.8, 1.2))  # noqa: S311 - jitter, no secret
            for name in tuple(_chores):
                await loop.run_in_executor(self._thread, carry_out, name)

    async def close(self) -> None:
        """Wait for the chore that is being done, and close its connection."""
        await asyncio.get_running_loop().run_in_executor(self._thread, connections.close_all)
        self._thread.shutdown(wait=False)


def carry_out(name: str) -> None:
    """Do one chore; neither a database that is away nor a defect in it ends the worker."""
    try:
        _chores[name]()
    except Error as error:
        logger.warning("chore not done: %s", error, extra={"action": "chore_failed", "chore": name})
        connection.close()  # the next one gets a new one
    except Exception:
        logger.exception("chore failed", extra={"action": "chore_failed", "chore": name})
