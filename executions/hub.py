"""The hub: one Redis subscription per web process wakes everybody who follows an execution or a graph.

A wake-up carries no state, so losing one costs at most `POLL_SECONDS`: every topic is also read again without any.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from time import monotonic
from typing import Any, ParamSpec, TypeVar
from weakref import WeakKeyDictionary

import orjson
import redis.asyncio as redis
from django.conf import settings
from django.db import close_old_connections
from redis.asyncio.client import PubSub
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from agentflow.wake import OVER, WAKE_CHANNEL

logger = logging.getLogger(__name__)

Given = ParamSpec("Given")
Read = TypeVar("Read")

#: Least time between two frames of one topic.
FRAME_SECONDS = 0.05
#: A topic is read again after so long without a wake-up; one that is over, more seldom.
POLL_SECONDS = 2.0
QUIET_POLL_SECONDS = 30.0
#: Wait before a lost subscription is tried again, and silence after which it is tested.
RETRY_SECONDS = 1.0
SILENCE_SECONDS = 4.0
#: Topics of executions whose end somebody waits for, and the least time between two looks: a frame would be too late.
WAITED = "w:"
WAITED_FRAME_SECONDS = 0.005
#: Answers that a topic keeps for followers who ask the same.
KEPT_READS = 8
#: Transient messages kept per follower between two frames; the newest per node wins.
KEPT_TRANSIENTS = 100
MOST_TRANSIENT_CHARACTERS = 32_768

#: What `CLIENT LIST` shows of the subscription.
CLIENT_NAME = f"{settings.REDIS_PREFIX}:hub"

#: Threads with their own database connections: followers never wait behind requests.
READERS = 4
_READERS = ThreadPoolExecutor(READERS, thread_name_prefix="live")


async def in_reader(function: Callable[Given, Read], *args: Given.args, **kwargs: Given.kwargs) -> Read:
    """The answer of a function that reads the database, run in a reader's thread."""

    def call() -> Read:
        close_old_connections()
        try:
            return function(*args, **kwargs)
        finally:
            close_old_connections()

    return await asyncio.get_running_loop().run_in_executor(_READERS, call)


@dataclass(eq=False, slots=True)
class Follower:
    """One who follows a topic; `rung` is set when there may be something new."""

    topic: "Topic"
    rung: asyncio.Event = field(default_factory=asyncio.Event)
    transients: dict[str, str] = field(default_factory=dict)

    async def wait(self, seconds: float | None) -> None:
        """Return when rung, or after `seconds`."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.rung.wait()
        self.rung.clear()

    def take_transients(self) -> list[str]:
        """The transient messages since the last call."""
        taken = list(self.transients.values())
        self.transients.clear()
        return taken


class Topic:
    """One execution (`e:<id>`, or `w:<id>` for its end) or graph (`g:<id>`): wake-ups in, a bounded rate of ticks out."""

    def __init__(self, frame_seconds: float) -> None:
        self.followers: set[Follower] = set()
        self._frame_seconds = frame_seconds
        #: Number of the last tick: answers read before it may be old.
        self.tick = 0
        self.poll_seconds = POLL_SECONDS
        #: When the wake-up came that made the last tick; None: nobody rang.
        self.news_at: float | None = None
        self._rung_at: float | None = None
        self._reads: dict[tuple[object, ...], asyncio.Future[Any]] = {}
        self._rung = asyncio.Event()

    def ring(self) -> None:
        """Something may have changed."""
        if self._rung_at is None:
            self._rung_at = monotonic()
        self._rung.set()

    def transient(self, key: str, text: str) -> None:
        """Hand a message that nobody stores to everybody who has room for it."""
        for follower in self.followers:
            if key in follower.transients or len(follower.transients) < KEPT_TRANSIENTS:
                follower.transients[key] = text
                follower.rung.set()

    async def run(self) -> None:
        """Tick when rung, or after a while without; never ends by itself."""
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(self.poll_seconds):
                    await self._rung.wait()
            self._rung.clear()
            self._reads.clear()
            self.tick += 1
            self.news_at, self._rung_at = self._rung_at, None
            for follower in self.followers:
                follower.rung.set()
            await asyncio.sleep(self._frame_seconds)

    async def shared(self, function: Callable[Given, Read], *args: Given.args, **kwargs: Given.kwargs) -> Read:
        """The answer of a database function, read once per tick for all who ask the same."""
        key = (function, *args, *kwargs.items())
        reading = self._reads.get(key)
        if reading is None or reading.done() and reading.exception() is not None:
            while len(self._reads) >= KEPT_READS:
                del self._reads[next(iter(self._reads))]
            reading = asyncio.ensure_future(in_reader(function, *args, **kwargs))
            self._reads[key] = reading
        # One follower who leaves must not take the answer from the others.
        answer: Read = await asyncio.shield(reading)
        return answer


class Hub:
    """The topics that somebody follows, and the subscription that rings them."""

    def __init__(self) -> None:
        self._topics: dict[str, tuple[Topic, asyncio.Task[None]]] = {}
        self._listener: asyncio.Task[None] | None = None
        self._is_kept = False

    @asynccontextmanager
    async def follow(self, name: str) -> AsyncIterator[Follower]:
        """Follow `e:<execution id>`, `g:<graph id>`, or `w:<execution id>` for its end, as long as the context lasts."""
        topic = self._topic(name)
        follower = Follower(topic)
        topic.followers.add(follower)
        try:
            yield follower
        finally:
            topic.followers.discard(follower)
            if not topic.followers:
                await self._drop(name)

    def _topic(self, name: str) -> Topic:
        if name not in self._topics:
            topic = Topic(WAITED_FRAME_SECONDS if name.startswith(WAITED) else FRAME_SECONDS)
            self._topics[name] = topic, asyncio.create_task(topic.run(), name=f"live {name}")
        self._subscribe_once()
        return self._topics[name][0]

    async def _drop(self, name: str) -> None:
        _, task = self._topics.pop(name)
        await end(task)
        await self._hang_up()

    async def keep(self) -> None:
        """Stay subscribed although nobody follows: who asks again and again need not wait for a new subscription."""
        self._is_kept = True
        self._subscribe_once()

    async def release(self) -> None:
        """End a subscription that is not needed any more."""
        self._is_kept = False
        await self._hang_up()

    def _subscribe_once(self) -> None:
        if self._listener is None:
            self._listener = asyncio.create_task(self._listen(), name="live hub")

    async def _hang_up(self) -> None:
        if self._listener is not None and not self._topics and not self._is_kept:
            listener, self._listener = self._listener, None
            await end(listener)

    async def _listen(self) -> None:
        while True:
            try:
                await self._subscribe()
            except (RedisError, OSError) as error:
                logger.warning("no wake-ups, reading on a timer: %s", error, extra={"action": "hub_disconnected"})
            await asyncio.sleep(RETRY_SECONDS)

    async def _subscribe(self) -> None:
        client = redis.Redis.from_url(
            settings.REDIS_URL,
            socket_timeout=SILENCE_SECONDS,
            socket_connect_timeout=SILENCE_SECONDS,
            retry=Retry(NoBackoff(), 0),
            client_name=CLIENT_NAME,
        )
        async with client, client.pubsub() as messages:
            await messages.subscribe(WAKE_CHANNEL)
            for topic, _ in self._topics.values():  # what was rung while nobody listened
                topic.ring()
            await self._receive(messages)

    async def _receive(self, messages: PubSub) -> None:
        asked = False
        while True:
            message = await messages.get_message(timeout=SILENCE_SECONDS)
            if message is not None:
                asked = False
                if message["type"] == "message":
                    self._hear(message["data"].decode())
            elif asked:
                raise TimeoutError("no answer to a ping")
            else:
                asked = True
                await messages.ping()

    def _hear(self, message: str) -> None:
        kind, _, rest = message.partition(":")
        name, _, text = rest.partition(":")
        found = self._topics.get(f"{'e' if kind == 't' else kind}:{name}")
        if found is not None and kind == "t":
            _pass_on(found[0], text)
        elif found is not None:
            found[0].ring()
        if kind == "e" and text.endswith(OVER) and (waited := self._topics.get(f"{WAITED}{name}")):
            waited[0].ring()


def _pass_on(topic: Topic, text: str) -> None:
    """Hand on a transient message `{node, path, …}`; the newest of a node's run stands for the ones before."""
    with suppress(orjson.JSONDecodeError):
        message = orjson.loads(text[:MOST_TRANSIENT_CHARACTERS])
        if isinstance(message, dict):
            key = f"{message.get('node')}{message.get('path')}"
            topic.transient(key, orjson.dumps({**message, "type": "transient"}).decode())


async def end(task: asyncio.Task[None]) -> None:
    """Cancel a task and wait for it; asks again, because connecting to Redis now and then swallows a cancellation."""
    while not task.done():
        task.cancel()
        await asyncio.wait({task}, timeout=0.1)


_hubs: "WeakKeyDictionary[asyncio.AbstractEventLoop, Hub]" = WeakKeyDictionary()


def hub() -> Hub:
    """The hub of the running event loop."""
    return _hubs.setdefault(asyncio.get_running_loop(), Hub())
