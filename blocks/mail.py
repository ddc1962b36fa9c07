"""Mails, by the mail server of a credential."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from blocks.base import Block, BlockContext, BlockError, BlockInput, BlockOutput, Credential, Effect, Example, Outputs
from blocks.context import HttpClient, Secret
from blocks.forms import CODE, SETTING, TEXTAREA
from blocks.letters import Letter, letter
from blocks.offload import offload

if TYPE_CHECKING:
    from aiosmtplib import SMTP

#: For each answer of the server; the one to the mail itself may take longer (RFC 5321, 4.5.3.2).
ANSWER_SECONDS = 30.0
CONTENT_SECONDS = 300.0
CONNECT_SECONDS = 10.0
PORTS = {"starttls": 587, "tls": 465, "none": 25}
MAX_SHOWN = 300


class Send(Block):
    """Send a mail, once: after a crash in the middle a person says whether it went out.

    The server is that of the credential. Those whom it does not take are listed under refused; when it takes nobody, the
    node fails.
    """

    id = "mail.send"
    title = "Send mail"
    category = "Web"
    icon = "mail"
    effect = Effect.ONCE

    class Input(BlockInput):
        credential: Credential["smtp"] = Field(title="Mail server", json_schema_extra=SETTING)
        to: list[str] = Field(default_factory=list, description="Addresses: ada@example.com, Ada <ada@example.com>.")
        subject: str = ""
        text: str = Field("", json_schema_extra=TEXTAREA)
        html: str = Field("", title="HTML", description="Beside the text, or in its place.", json_schema_extra=CODE)
        cc: list[str] = Field(default_factory=list, description="Copies, seen by all.", json_schema_extra=SETTING)
        bcc: list[str] = Field(default_factory=list, description="Copies, seen by nobody.", json_schema_extra=SETTING)
        reply_to: list[str] = Field(default_factory=list, description="Where answers go.", json_schema_extra=SETTING)
        sender: str = Field(
            "", title="From", description="Empty: the user of the mail server.", json_schema_extra=SETTING
        )

    class Output(BlockOutput):
        message_id: str
        accepted: list[str]
        refused: dict[str, Any]

    async def run(self, input: Input, context: BlockContext) -> Outputs:
        secret = await context.credential(input.credential, "smtp")
        mail = await offload(
            letter,
            sender=input.sender or secret.fields.get("user", ""),
            to=input.to,
            cc=input.cc,
            bcc=input.bcc,
            reply_to=input.reply_to,
            subject=input.subject,
            text=input.text,
            html=input.html,
            key=context.idempotency_key,
        )
        refused = await deliver(mail, secret, context)
        context.usage(items=len(mail.recipients) - len(refused), bytes=len(mail.content))
        yield "message_id", mail.message_id
        yield "accepted", [each for each in mail.recipients if each not in refused]
        yield "refused", refused

    examples: ClassVar[list[Example]] = [
        Example({"credential": "mail", "subject": "Hello", "text": "Hi!"}, error="Nobody is to get the mail"),
        Example({"credential": "mail", "to": ["ada"], "text": "Hi!"}, error="is no mail address"),
        Example({"credential": "mail", "to": ["ada@example.com"]}, error="The mail is empty"),
        Example(
            {"credential": "mail", "to": ["ada@example.com"], "subject": "Hi\nBcc: eve@example.com", "text": "Hi!"},
            error="The subject must be one line",
        ),
    ]


async def deliver(mail: Letter, secret: Secret, context: BlockContext) -> dict[str, str]:
    """Hand the mail to the server; whom it refuses, and why.

    Raises:
        BlockError: it has surely not taken the mail; or, and then `retry` is false, nobody knows.
    """
    host, port, _ = server_of(secret)
    async with signed_on(secret, context.http) as client:
        refused = await _envelope(client, mail)
        await context.http.ready()
        await _content(client, mail, f"{host}:{port}")
    return refused


@asynccontextmanager
async def signed_on(secret: Secret, http: HttpClient) -> AsyncIterator["SMTP"]:
    """The server of a credential, which knows who asks; what goes wrong becomes a BlockError."""
    import aiosmtplib

    host, port, security = server_of(secret)
    where = f"{host}:{port}"
    client = await _connected(host, port, security, http)
    try:
        await _begin(client, secret, security)
        yield client
    except BlockError:
        raise
    except aiosmtplib.SMTPAuthenticationError as error:
        words = f"{where} does not accept user and password{_said(error)}."
        raise BlockError(words, retry=error.code < 500) from None
    except aiosmtplib.SMTPResponseException as error:
        raise BlockError(f"{where} refuses the mail{_said(error)}.", retry=error.code < 500) from None
    except aiosmtplib.SMTPNotSupported as error:
        raise BlockError(f"{where} cannot do this: {error.message}.", retry=False) from None
    except ssl.SSLError as error:
        raise _insecure(where, error) from None
    except (aiosmtplib.SMTPException, OSError, TimeoutError) as error:
        raise BlockError(f"{where} did not answer: {_words(error)}.") from None
    finally:
        client.close()


def server_of(secret: Secret) -> tuple[str, int, str]:
    """Host, port and encryption of a mail server's credential.

    Raises:
        BlockError: it has no sensible ones.
    """
    security = secret.fields.get("security") or "starttls"
    host = secret.fields.get("host", "").strip()
    port = secret.fields.get("port", "").strip() or str(PORTS.get(security, 587))
    if security not in PORTS or not host or not (port.isdecimal() and 0 < int(port) < 65_536):
        raise BlockError("The credential has no valid host, port and encryption.", retry=False)
    return host, int(port), security


def tls_context() -> ssl.SSLContext:
    """Checks the server's certificate and name."""
    return ssl.create_default_context()


async def _connected(host: str, port: int, security: str, http: HttpClient) -> "SMTP":
    """A client at an address of the host that may be reached; the name is what its certificate must say."""
    import aiosmtplib

    addresses = await http.addresses(host, port)
    certificates = await offload(tls_context)
    error: Exception = OSError("no address")
    for address in addresses:
        try:
            connection = await _socket(address, port)
        except (OSError, TimeoutError) as failure:
            error = failure
            continue
        client = aiosmtplib.SMTP(
            hostname=host,
            sock=connection,
            use_tls=security == "tls",
            start_tls=False,
            tls_context=certificates,
            timeout=ANSWER_SECONDS,
            local_hostname="agentflow",
        )
        try:
            await client.connect()
        except (aiosmtplib.SMTPException, OSError, TimeoutError) as failure:
            connection.close()
            raise _not_greeted(f"{host}:{port}", failure) from None
        return client
    raise BlockError(f"{host}:{port} cannot be reached: {_words(error)}.")


async def _socket(address: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    connection = socket.socket(family, socket.SOCK_STREAM)
    connection.settimeout(0)
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            await asyncio.get_running_loop().sock_connect(connection, (address, port))
    except BaseException:
        connection.close()
        raise
    return connection


async def _begin(client: "SMTP", secret: Secret, security: str) -> None:
    await client.ehlo()
    if security == "starttls":
        if not client.supports_extension("starttls"):
            words = "The mail server offers no STARTTLS: nothing is sent to it in the clear. See to the credential's encryption."
            raise BlockError(words, retry=False)
        await client.starttls()
    if user := secret.fields.get("user", ""):
        await client.login(user, secret.fields.get("password", ""))


async def _envelope(client: "SMTP", mail: Letter) -> dict[str, str]:
    """Sender and recipients; those whom the server refuses."""
    import aiosmtplib

    options = ["SMTPUTF8"] if mail.needs_utf8 else []
    if options and not client.supports_extension("smtputf8"):
        raise aiosmtplib.SMTPNotSupported("it takes no addresses with letters beyond ASCII")
    encoding = "utf-8" if options else "ascii"
    await client.mail(mail.sender, options=options, encoding=encoding)
    refused: dict[str, str] = {}
    may_retry = False
    for recipient in mail.recipients:
        try:
            await client.rcpt(recipient, encoding=encoding)
        except aiosmtplib.SMTPRecipientRefused as error:
            refused[recipient] = f"{error.code} {error.message}"[:MAX_SHOWN]
            may_retry = may_retry or error.code < 500
    if len(refused) == len(mail.recipients):
        each = "; ".join(f"{address} ({reason})" for address, reason in list(refused.items())[:5])
        raise BlockError(f"The mail server takes none of the recipients: {each}.", retry=may_retry)
    return refused


async def _content(client: "SMTP", mail: Letter, where: str) -> None:
    """The mail itself; without an answer nobody knows whether it goes out."""
    import aiosmtplib

    try:
        await client.data(mail.content, timeout=CONTENT_SECONDS)
    except aiosmtplib.SMTPResponseException:
        raise
    except (aiosmtplib.SMTPException, OSError, TimeoutError) as error:
        words = f"{where} did not say whether it has taken the mail: {_words(error)}. Look whether it has arrived."
        raise BlockError(words, retry=False) from None


def _not_greeted(where: str, error: Exception) -> BlockError:
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, ssl.SSLError):
        cause = cause.__cause__ or cause.__context__
    if isinstance(cause, ssl.SSLError):
        return _insecure(where, cause)
    return BlockError(f"{where} does not greet as a mail server does: {_words(error)}.")


def _insecure(where: str, error: ssl.SSLError) -> BlockError:
    if isinstance(error, ssl.SSLCertVerificationError):
        return BlockError(f"{where} has no valid certificate: {error.verify_message}.", retry=False)
    return BlockError(f"{where} cannot be talked to in cipher: {error.reason or error}.", retry=False)


def _said(error: Any) -> str:
    words = " ".join(str(error.message).split())[:MAX_SHOWN].rstrip(".")
    return f": {error.code} {words}"


def _words(error: Exception) -> str:
    return (str(error) or type(error).__name__).rstrip(".")[:MAX_SHOWN]
