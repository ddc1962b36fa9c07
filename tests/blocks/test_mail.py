"""Mails against a real mail server on 127.0.0.1."""

import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session

from agentflow.credentials import testing
from blocks import mail
from blocks.base import BlockError
from blocks.context import Secret
from blocks.http import SafeHttpClient
from blocks.mail import Send
from tests.blocks.context import FakeContext, run
from tests.blocks.servers import CERTIFICATE, resolver, tls


class Inbox:
    """Takes mails, but for some recipients."""

    def __init__(self) -> None:
        self.mails: list[Envelope] = []
        self.answer = "250 OK"
        self.hang_up = False

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address.startswith("nobody"):
            return "550 no such user"
        if address.startswith("full"):
            return "452 mailbox full"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - as above
        if self.hang_up:
            assert server.transport is not None
            server.transport.abort()  # type: ignore[attr-defined]  # a transport of sockets has it
        self.mails.append(envelope)
        return self.answer

    def last(self) -> Any:
        content = self.mails[-1].content
        assert isinstance(content, bytes)
        return message_from_bytes(content, policy=policy.default)


def _authenticate(server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any) -> AuthResult:
    return AuthResult(handled=False, success=(data.login, data.password) == (b"me@example.com", b"right"))


@contextmanager
def serving(**options: Any) -> Iterator[tuple[Inbox, int]]:
    inbox, port = Inbox(), _free_port()
    controller = Controller(inbox, hostname="127.0.0.1", port=port, authenticator=_authenticate, **options)
    controller.start()
    try:
        yield inbox, port
    finally:
        controller.stop()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture
def inbox() -> Iterator[tuple[Inbox, int]]:
    with serving(auth_require_tls=False) as served:
        yield served


@pytest.fixture
async def http() -> AsyncIterator[SafeHttpClient]:
    names = {name: [["127.0.0.1"]] for name in ("allowed.test", "private.test")}
    async with SafeHttpClient(["allowed.test"], resolve=resolver(names)) as client:
        yield client


@pytest.fixture
def _trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    usual = mail.tls_context

    def trusting() -> Any:
        context = usual()
        context.load_verify_locations(CERTIFICATE)
        return context

    monkeypatch.setattr(mail, "tls_context", trusting)


async def send(http: SafeHttpClient, port: int, host: str = "allowed.test", **given: Any) -> dict[str, Any]:
    fields = {"host": host, "port": str(port), "security": "none", "user": "me@example.com", "password": "right"}
    fields |= {name: given.pop(name) for name in list(given) if name in ("security", "user", "password")}
    context = FakeContext(http=http, credentials={"1": Secret("1", "smtp", fields)})
    return await run(
        Send, {"credential": "1", "to": ["ada@example.com"], "subject": "Hello", "text": "Hi!", **given}, context
    )


async def test_test_button_of_a_credential_signs_on(inbox: tuple[Inbox, int], settings: Any) -> None:
    settings.HTTP_ALLOW = ["127.0.0.1"]
    fields = {"host": "127.0.0.1", "port": str(inbox[1]), "security": "none", "user": "me@example.com"}
    good = Secret("1", "smtp", {**fields, "password": "right"})
    assert await testing._try_mail(good) == f"127.0.0.1:{inbox[1]} takes it."
    with pytest.raises(BlockError, match="does not accept user and password"):
        await testing._try_mail(Secret("1", "smtp", {**fields, "password": "wrong"}))
    assert not inbox[0].mails


async def refusal(http: SafeHttpClient, port: int, **given: Any) -> BlockError:
    with pytest.raises(BlockError) as caught:
        await send(http, port, **given)
    assert "right" not in caught.value.message
    return caught.value


async def test_a_mail_arrives_as_it_was_written(inbox: tuple[Inbox, int], http: SafeHttpClient) -> None:
    box, port = inbox
    outputs = await send(
        http,
        port,
        to=["Ada Lovelace <ada@example.com>", "b@example.com, c@example.com"],
        cc=["d@example.com"],
        bcc=["hidden@example.com"],
        reply_to=["answers@example.com"],
        subject="Grüße",
        text="Hällo\n.\nend",
        html="<p>Hällo</p>",
    )
    assert outputs["accepted"] == [f"{name}@example.com" for name in ("ada", "b", "c", "d", "hidden")]
    assert outputs["refused"] == {}
    [envelope] = box.mails
    assert envelope.mail_from == "me@example.com"
    assert envelope.rcpt_tos == outputs["accepted"]
    message = box.last()
    assert str(message["To"]) == "Ada Lovelace <ada@example.com>, b@example.com, c@example.com"
    assert (str(message["Cc"]), str(message["Reply-To"])) == ("d@example.com", "answers@example.com")
    assert (str(message["Subject"]), message["Bcc"]) == ("Grüße", None)
    assert message["Message-ID"] == outputs["message_id"]
    assert message["Message-ID"].startswith("<0193a1c0-node-0@example.com>")
    plain, html = message.iter_parts()
    assert plain.get_content().splitlines() == ["Hällo", ".", "end"]
    assert html.get_content().strip() == "<p>Hällo</p>"


async def test_html_alone_is_a_mail(inbox: tuple[Inbox, int], http: SafeHttpClient) -> None:
    await send(http, inbox[1], text="", html="<p>x</p>")
    assert inbox[0].last().get_content_type() == "text/html"


@pytest.mark.parametrize(
    "given",
    [
        {"subject": "x\r\nBcc: eve@example.com"},
        {"to": ["ada@example.com\nBcc: eve@example.com"]},
        {"to": ["ada@example.com\rRCPT TO:<eve@example.com>"]},
        {"sender": "me@example.com\nX: y"},
        {"reply_to": ["a@example.com\u2028X: y"]},
        {"to": ["<ada@example.com> SIZE=1"]},
        {"to": ["ada"]},
        {"to": ["@example.com"]},
        {"to": ["a@b@c"]},
        {"to": ["a@"]},
        {"sender": "a@example.com, b@example.com"},
    ],
)
async def test_nothing_can_be_smuggled_into_headers(
    inbox: tuple[Inbox, int], http: SafeHttpClient, given: dict[str, Any]
) -> None:
    error = await refusal(http, inbox[1], **given)
    assert not error.retry
    assert inbox[0].mails == []


async def test_who_is_refused_is_said(inbox: tuple[Inbox, int], http: SafeHttpClient) -> None:
    outputs = await send(http, inbox[1], to=["ada@example.com", "nobody@example.com"])
    assert outputs["accepted"] == ["ada@example.com"]
    assert outputs["refused"] == {"nobody@example.com": "550 no such user"}


@pytest.mark.parametrize(("name", "is_retried"), [("nobody", False), ("full", True)])
async def test_when_nobody_is_taken_the_node_fails(
    inbox: tuple[Inbox, int], http: SafeHttpClient, name: str, is_retried: bool
) -> None:
    error = await refusal(http, inbox[1], to=[f"{name}@example.com"])
    assert "takes none of the recipients" in error.message
    assert error.retry is is_retried


async def test_a_wrong_password_is_not_tried_again(inbox: tuple[Inbox, int], http: SafeHttpClient) -> None:
    error = await refusal(http, inbox[1], password="wrong")
    assert "does not accept user and password" in error.message
    assert not error.retry


@pytest.mark.parametrize(("answer", "is_retried"), [("554 spam", False), ("451 try later", True)])
async def test_a_refused_mail(inbox: tuple[Inbox, int], http: SafeHttpClient, answer: str, is_retried: bool) -> None:
    inbox[0].answer = answer
    error = await refusal(http, inbox[1])
    assert answer in error.message
    assert error.retry is is_retried


async def test_without_an_answer_nobody_knows_and_it_is_not_sent_twice(
    inbox: tuple[Inbox, int], http: SafeHttpClient
) -> None:
    inbox[0].hang_up = True
    error = await refusal(http, inbox[1])
    assert "did not say whether it has taken the mail" in error.message
    assert not error.retry


async def test_a_server_that_is_away_is_tried_again(http: SafeHttpClient) -> None:
    with serving(auth_require_tls=False) as (_, port):
        pass
    error = await refusal(http, port)
    assert "cannot be reached" in error.message
    assert error.retry


async def test_private_addresses_are_refused(inbox: tuple[Inbox, int], http: SafeHttpClient) -> None:
    error = await refusal(http, inbox[1], host="private.test")
    assert "may not reach private addresses" in error.message


@pytest.mark.usefixtures("_trusted")
async def test_starttls_comes_before_the_password(http: SafeHttpClient) -> None:
    with serving(tls_context=tls(), require_starttls=True) as (inbox, port):
        await send(http, port, security="starttls")
        assert len(inbox.mails) == 1


@pytest.mark.usefixtures("_trusted")
async def test_tls_from_the_start(http: SafeHttpClient) -> None:
    with serving(ssl_context=tls(), auth_require_tls=False) as (inbox, port):
        await send(http, port, security="tls")
        assert len(inbox.mails) == 1


async def test_a_server_without_starttls_gets_no_password(inbox: tuple[Inbox, int], http: SafeHttpClient) -> None:
    error = await refusal(http, inbox[1], security="starttls")
    assert not error.retry
    assert "offers no STARTTLS" in error.message


async def test_a_certificate_that_nobody_signed_is_refused(http: SafeHttpClient) -> None:
    with serving(tls_context=tls()) as (_, port):
        error = await refusal(http, port, security="starttls")
    assert "no valid certificate" in error.message
    assert not error.retry


async def test_addresses_in_all_letters(http: SafeHttpClient) -> None:
    with serving(auth_require_tls=False, enable_SMTPUTF8=True) as (box, port):
        await send(http, port, to=["jörg@example.com"])
        assert box.mails[0].rcpt_tos == ["jörg@example.com"]
    with serving(auth_require_tls=False, enable_SMTPUTF8=False) as (_, port):
        error = await refusal(http, port, to=["jörg@example.com"])
    assert "beyond ASCII" in error.message
