"""What every WebSocket here does: checks who listens, caps what comes in, sends from one task."""

import asyncio
import logging
from collections.abc import Mapping
from enum import IntEnum
from http.cookies import CookieError, SimpleCookie
from time import monotonic
from typing import Any
from urllib.parse import parse_qs

import orjson
from channels.consumer import get_handler_name
from channels.generic.websocket import AsyncWebsocketConsumer
from django.conf import settings
from django.contrib.auth.models import User
from django.db import Error

from agentflow.logs.context import Subject, work_on
from executions.access import user_of_session
from executions.hub import Follower, hub, in_reader
from executions.live_gauges import live
from executions.seats import Full, seat

logger = logging.getLogger(__name__)

#: Session and permission are asked for again.
CHECK_SECONDS = 60.0
#: Largest message that a client may send, and how many a second (after a burst of as many).
MOST_CHARACTERS = 4_096
MOST_MESSAGES = 100


class Close(IntEnum):
    """Why the server closes a socket; the client resumes only after GOING and RESUME."""

    BROKEN = 1011
    BAD_MESSAGE = 4400
    ANONYMOUS = 4401
    UNKNOWN = 4404
    RESUME = 4408
    TOO_MANY = 4429


class Closed(Exception):
    """This socket must be closed with `code`."""

    def __init__(self, code: Close) -> None:
        super().__init__(code.name)
        self.code = code


class LiveConsumer(AsyncWebsocketConsumer):
    """What both sockets share: who may listen, caps on what comes in, one task that sends what is new."""

    #: No channel layer: nothing is ever sent through one, and a Redis that is away must not end a socket.
    channel_layer_alias = "none"
    #: `e` or `g`: the kind of topic.
    kind: str

    async def dispatch(self, message: dict[str, Any]) -> None:
        """Call the handler; without Channels' hop to a database thread, which no handler here needs."""
        await getattr(self, get_handler_name(message))(message)

    async def connect(self) -> None:
        """Accept at once, so that a refusal has a code that browsers show."""
        self.id = self.scope["url_route"]["kwargs"]["id"]
        self.credit, self.credited_at = float(MOST_MESSAGES), monotonic()
        self.follower: Follower | None = None
        await self.accept()
        self.task = asyncio.create_task(self._serve(), name=f"socket {self.kind}:{self.id}")

    async def disconnect(self, code: int) -> None:
        """Stop sending."""
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """Take one message of the client; a bad one ends the socket."""
        try:
            self._count_message()
            self.hear(parse(text_data))
        except Closed as closed:
            await self.close(closed.code)

    def hear(self, message: Mapping[str, Any]) -> None:
        """Act on a message; raises Closed for one that makes no sense."""
        raise Closed(Close.BAD_MESSAGE)

    async def show(self, follower: Follower) -> None:
        """Send what is new, as far as the client may be sent more."""
        raise NotImplementedError

    async def tell(self, text: str, *, is_late: bool = True) -> None:
        """Send a frame; how late its news are counts unless it answers the client itself."""
        await self.send(text_data=text)
        live.sent(self.follower.topic.news_at if is_late and self.follower else None)

    def sees(self, user: User) -> bool:
        """Whether this user may watch; called in a reader's thread."""
        raise NotImplementedError

    def deadline(self) -> float | None:
        """When `show` must be called next even if nothing happens."""
        return None

    async def _serve(self) -> None:
        try:
            user = await self._check()
            work_on(Subject(execution=self.id, user=user) if self.kind == "e" else Subject(graph=self.id, user=user))
            with seat(user):
                async with hub().follow(f"{self.kind}:{self.id}") as self.follower:
                    await self._follow(self.follower)
        except Closed as closed:
            await self.close(closed.code)
        except Full:
            await self.close(Close.TOO_MANY)
        except OSError:  # the client is gone
            pass
        except Exception:
            logger.exception("socket failed", extra={"action": "socket_failed", "topic": f"{self.kind}:{self.id}"})
            await self.close(Close.BROKEN)

    async def _follow(self, follower: Follower) -> None:
        check_at = monotonic() + CHECK_SECONDS
        while True:
            try:
                if monotonic() >= check_at:
                    await self._check()
                    check_at = monotonic() + CHECK_SECONDS
                await self.show(follower)
            except Error:  # the database will be back: the client sees a pause, then all that it missed
                logger.warning("no database", exc_info=True, extra={"action": "socket_paused"})
            wake_at = min(check_at, self.deadline() or check_at)
            await follower.wait(max(wake_at - monotonic(), 0.0))

    async def _check(self) -> int:
        """The user's id; raises Closed unless the session is alive and its user may watch."""
        return await in_reader(self._watcher, session_key(self.scope))

    def _watcher(self, key: str) -> int:
        user = user_of_session(key)
        if user is None:
            raise Closed(Close.ANONYMOUS)
        if not self.sees(user):
            raise Closed(Close.UNKNOWN)
        return user.pk

    def _count_message(self) -> None:
        now = monotonic()
        earned = (now - self.credited_at) * MOST_MESSAGES
        self.credit, self.credited_at = min(self.credit + earned, MOST_MESSAGES) - 1, now
        if self.credit < 0:
            raise Closed(Close.TOO_MANY)


class UnknownConsumer(AsyncWebsocketConsumer):
    """Any other address: closed with the code of a thing that does not exist."""

    channel_layer_alias = "none"

    async def connect(self) -> None:
        """Accept, so that browsers show the code, and close."""
        await self.accept()
        await self.close(Close.UNKNOWN)


def parse(text: str | None) -> Mapping[str, Any]:
    """A client's message; raises Closed unless it is a JSON object of sensible size."""
    if text is None or len(text) > MOST_CHARACTERS:
        raise Closed(Close.BAD_MESSAGE)
    try:
        message = orjson.loads(text)
    except orjson.JSONDecodeError:
        raise Closed(Close.BAD_MESSAGE) from None
    if not isinstance(message, dict):
        raise Closed(Close.BAD_MESSAGE)
    return message


def number(scope: Mapping[str, Any], name: str) -> int:
    """A whole number of the query string; 0 without one."""
    given = parse_qs(scope["query_string"].decode("latin-1")).get(name, [""])[-1]
    return int(given) if given.isascii() and given.isdigit() and len(given) < 19 else 0


def session_key(scope: Mapping[str, Any]) -> str:
    """The session's key out of the handshake's cookies; empty without one."""
    for name, value in scope["headers"]:
        if name == b"cookie":
            try:
                cookies = SimpleCookie(value.decode("latin-1"))
            except CookieError:
                continue
            if settings.SESSION_COOKIE_NAME in cookies:
                return cookies[settings.SESSION_COOKIE_NAME].value.replace("\0", "")  # PostgreSQL's texts have none
    return ""
