"""A mail server and an HTTP server on this machine, and jobs that are carried out at once."""

import socket
import threading
from collections.abc import Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from uuid import UUID

import pytest
from aiosmtpd.controller import Controller
from django.contrib.auth.models import User

from agentflow.graphs.models import Graph
from agentflow.notifications import jobs
from agentflow.notifications.hooks import call_due
from agentflow.notifications.sending import send_due
from tests import factories


class Inbox:
    """What a mail server got."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        #: What it answers instead of taking a mail, as often as there are answers.
        self.refusals: list[str] = []

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        if self.refusals:
            return self.refusals.pop(0)
        mail = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(mail, EmailMessage)
        self.mails.append(mail)
        return "250 taken"

    @property
    def subjects(self) -> list[str]:
        return [str(mail["Subject"]).strip() for mail in self.mails]


@pytest.fixture
def inbox(settings: Any) -> Iterator[Inbox]:
    """A mail server, which the product knows."""
    handler = Inbox()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    controller = Controller(handler, hostname="127.0.0.1", port=port)
    controller.start()
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", port
    settings.EMAIL_TIMEOUT = 5
    yield handler
    controller.stop()


class Service:
    """An HTTP server that takes calls."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, dict[str, str], bytes]] = []
        self.statuses: list[int] = []
        self.url = ""
        self.address = ""


@pytest.fixture
def service(settings: Any) -> Iterator[Service]:
    """A server on this machine, which an administrator has allowed."""
    found = Service()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            found.calls.append((self.path, dict(self.headers), body))
            self.send_response(found.statuses.pop(0) if found.statuses else 200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    found.address = f"127.0.0.1:{server.server_address[1]}"
    found.url = f"http://{found.address}"
    settings.HTTP_ALLOW = [found.address]
    yield found
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def rung(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, UUID]]:
    """Jobs that were put into the queue."""
    found: list[tuple[str, UUID]] = []
    monkeypatch.setattr(jobs, "ring", lambda entry_point, id: found.append((entry_point, id)))
    return found


def work(rung: list[tuple[str, UUID]]) -> None:
    """Carry the jobs out, each once."""
    for entry_point, id in dict.fromkeys(rung):
        {jobs.SEND: send_due, jobs.CALL: call_due}[entry_point](id)
    rung.clear()


@pytest.fixture
def ann(db: None) -> User:
    """Somebody who has an address."""
    return factories.user("ann", email="ann@example.com")


@pytest.fixture
def graph(ann: User) -> Graph:
    return factories.graph(ann, "a", name="Sales")
