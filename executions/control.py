"""The worker's ear and voice on Redis: what others want of it, and the wake-ups that it owes them.

Everything here may get lost: the database is asked as well, only less often.
"""

import asyncio
import logging
from collections.abc import Callable
from uuid import UUID

import redis.asyncio as redis
from django.conf import settings
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as Disconnected
from redis.exceptions import RedisError

from agentflow.wake import CONTROL_CHANNEL, OVER, WAKE_CHANNEL
from executions.crash_points import Point, reached

logger = logging.getLogger(__name__)

RETRY_SECONDS = 1.0
#: Silence after which the subscription is tested.
SILENCE_SECONDS = 4.0
#: With so many messages waiting for Redis no further transient ones are taken.
MAX_WAITING = 10_000


class Bell:
    """Sends wake-ups in the background; a slow or absent Redis never holds up a run."""

    def __init__(self) -> None:
        self._wakes: dict[str, tuple[str, str]] = {}
        self._wanted = asyncio.Event()
        self._loop = asyncio.get_running_loop()

    def wake(self, execution: UUID, seq: int, *, graph: int | None = None, is_over: bool = False) -> None:
        """Those who follow the execution should look; with `graph`, also those who follow its graph.

        Those who wait for its end hear only of one that is or may be over.
        """
        self._put(f"e:{execution}", WAKE_CHANNEL, f"e:{execution}:{seq}{OVER if is_over else ''}")
        if graph is not None:
            self._put(f"g:{graph}", WAKE_CHANNEL, f"g:{graph}:0")

    def transient(self, execution: UUID, about: str, text: str) -> None:
        """Something to show now or never, of which only the newest about one thing counts; from any thread."""
        self._loop.call_soon_threadsafe(self._put_transient, f"t:{execution}:{about}", f"t:{execution}:{text}")

    def _put_transient(self, key: str, message: str) -> None:
        if key in self._wakes or len(self._wakes) < MAX_WAITING:
            self._put(key, WAKE_CHANNEL, message)

    def answer(self, execution: UUID, id: UUID) -> None:
        """What an execution waits for, an approval or another execution, is there."""
        self._put(f"answer:{id}", CONTROL_CHANNEL, f"answer:{execution}:{id}")

    def ring_workers(self) -> None:
        """There is something to claim."""
        self._put("work", CONTROL_CHANNEL, "work")

    def _put(self, key: str, channel: str, message: str) -> None:
        self._wakes[key] = channel, message
        self._wanted.set()

    async def run(self) -> None:
        """Send until cancelled; the newest message of each kind replaces older ones that were not sent."""
        client = _client(2)
        async with client:
            while True:
                await self._wanted.wait()
                self._wanted.clear()
                waiting, self._wakes = self._wakes, {}
                try:
                    await _publish(client, list(waiting.values()))
                    reached(Point.PUBLISHED, waiting)
                except (RedisError, OSError) as error:
                    logger.warning("wake-ups not sent: %s", error, extra={"action": "wake_failed"})
                    await asyncio.sleep(RETRY_SECONDS)

    async def send_rest(self) -> None:
        """Send what is left, once."""
        waiting, self._wakes = self._wakes, {}
        if not waiting:
            return
        client = _client(1)
        async with client:
            try:
                await _publish(client, list(waiting.values()))
            except (RedisError, OSError) as error:
                logger.warning("wake-ups not sent: %s", error, extra={"action": "wake_failed"})


async def _publish(client: "redis.Redis", messages: list[tuple[str, str]]) -> None:
    pipeline = client.pipeline(transaction=False)
    for channel, message in messages:
        pipeline.publish(channel, message)
    await pipeline.execute()


def _client(seconds: float) -> "redis.Redis":
    """A client that waits so long for an answer, and asks again only where Redis has closed the connection."""
    retry = Retry(NoBackoff(), 1, (Disconnected,))
    return redis.Redis.from_url(settings.REDIS_URL, socket_timeout=seconds, socket_connect_timeout=seconds, retry=retry)


async def listen(hear: Callable[[str], None]) -> None:
    """Call `hear` for every control message; a lost subscription is tried again for ever."""
    while True:
        try:
            await _subscribed(hear)
        except (RedisError, OSError) as error:
            logger.warning("not listening: %s", error, extra={"action": "control_disconnected"})
        await asyncio.sleep(RETRY_SECONDS)


async def _subscribed(hear: Callable[[str], None]) -> None:
    client = _client(SILENCE_SECONDS)
    async with client, client.pubsub() as messages:
        await messages.subscribe(CONTROL_CHANNEL)
        is_asked = False
        while True:
            message = await messages.get_message(timeout=SILENCE_SECONDS)
            if message is not None:
                is_asked = False
                if message["type"] == "message":
                    hear(message["data"].decode(errors="replace"))
            elif is_asked:
                raise TimeoutError("no answer to a ping")
            else:
                is_asked = True
                await messages.ping()
