"""The ASGI application as a server meets it."""

import pytest
from asgiref.testing import ApplicationCommunicator
from django.db import connections

from agentflow import asgi
from agentflow.database.limits import share_connections


async def test_server_starts_and_stops(monkeypatch: pytest.MonkeyPatch) -> None:
    shared: list[bool] = []
    monkeypatch.setattr(asgi, "share_connections", lambda: shared.append(True))
    monkeypatch.setattr("agentflow.on_loop.install", lambda: shared.append(True))
    monkeypatch.setattr("agentflow.credentials.key_check.at_start", lambda: shared.append(True))
    server = ApplicationCommunicator(asgi.application, {"type": "lifespan"})
    for event in ("startup", "shutdown"):
        await server.send_input({"type": f"lifespan.{event}"})
        assert await server.receive_output() == {"type": f"lifespan.{event}.complete"}
    await server.wait()
    assert shared == [True, True, True]


def test_threads_of_a_server_share_a_bounded_pool(monkeypatch: pytest.MonkeyPatch, settings) -> None:
    settings.WEB_CONNECTIONS = 7
    database = {**connections.settings["default"], "OPTIONS": {}}
    monkeypatch.setitem(connections.settings, "default", database)
    share_connections()
    assert (database["CONN_MAX_AGE"], database["OPTIONS"]["pool"]["max_size"]) == (0, 7)
