"""A WebSocket client that keeps what it was shown, as the canvas does."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from asgiref.testing import ApplicationCommunicator
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client

from agentflow.asgi import application
from executions.models import Execution, NodeExecution

ORIGIN = "http://localhost"


def session_of(user: User) -> str:
    """The key of a new session in which the user is logged in."""
    client = Client()
    client.force_login(user)
    return client.cookies[settings.SESSION_COOKIE_NAME].value


class Socket:
    """One connection; `rows` and `execution` are what its messages add up to."""

    def __init__(self, address: str, session: str = "", origin: str | None = ORIGIN) -> None:
        headers = [(b"cookie", f"{settings.SESSION_COOKIE_NAME}={session}".encode())] if session else []
        if origin is not None:
            headers.append((b"origin", origin.encode()))
        path, _, query = address.partition("?")
        scope = {"type": "websocket", "path": path, "query_string": query.encode(), "headers": headers}
        self.wire = ApplicationCommunicator(application, scope)
        self.rows: dict[str, dict[str, Any]] = {}
        self.execution: dict[str, Any] = {}
        self.seq = self.head = 0

    async def open(self) -> bool:
        """Shake hands; False when refused."""
        await self.wire.send_input({"type": "websocket.connect"})
        return bool((await self.wire.receive_output(timeout=5))["type"] == "websocket.accept")

    async def receive(self) -> dict[str, Any]:
        """The next message, kept."""
        event = await self.wire.receive_output(timeout=5)
        assert event["type"] == "websocket.send", event
        message: dict[str, Any] = json.loads(event["text"])
        if message["type"] in ("snapshot", "frame"):
            self.seq, self.head, self.execution = message["seq"], message["head"], message["execution"]
            self.rows |= {row["id"]: row for row in message["nodes"]}
        return message

    async def acknowledge(self) -> None:
        """Say that everything received is drawn."""
        await self.send({"type": "ack", "seq": self.seq})

    async def send(self, message: Any) -> None:
        """Send JSON."""
        await self.send_text(json.dumps(message))

    async def send_text(self, text: str) -> None:
        """Send anything."""
        await self.wire.send_input({"type": "websocket.receive", "text": text})

    async def hears_nothing(self, seconds: float = 0.2) -> bool:
        """Whether nothing arrives for a while."""
        silent: bool = await self.wire.receive_nothing(timeout=seconds)
        return silent

    async def close_code(self) -> int:
        """The code with which the server closes; messages before it are dropped."""
        while (event := await self.wire.receive_output(timeout=5))["type"] != "websocket.close":
            pass
        return int(event["code"])

    async def close(self) -> None:
        """Leave."""
        await self.wire.send_input({"type": "websocket.disconnect", "code": 1000})
        await self.wire.wait(timeout=5)


@asynccontextmanager
async def connected(address: str, session: str) -> AsyncIterator[Socket]:
    """An open socket that is closed at the end."""
    socket = Socket(address, session)
    assert await socket.open()
    try:
        yield socket
    finally:
        await socket.close()


def stored(run: Execution) -> dict[str, tuple[str, int]]:
    """Status and number of every node row in the database."""
    found = NodeExecution.objects.filter(execution=run).values_list("id", "status", "seq")
    return {str(id): (status, seq) for id, status, seq in found}


def shown(socket: Socket) -> dict[str, tuple[str, int]]:
    """The same as the client knows it."""
    return {id: (row["status"], row["seq"]) for id, row in socket.rows.items()}
