"""Apprise targets: the address is kept encrypted, and what it names is called in a process of its own (`target_program`)."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from uuid import UUID

from django.conf import settings

from agentflow.credentials.sealing import NotOpened, first_name, seal
from agentflow.notifications.mail import absolute
from agentflow.notifications.models import Channel, Notification
from agentflow.notifications.sending import NotSent

#: A service that has not answered by then does not.
SECONDS = 45
MOST_ADDRESS = 2_000
SCHEME = re.compile(r"([a-z][a-z0-9+.-]{1,29})://.+", re.IGNORECASE | re.DOTALL)
#: Services that Apprise knows and that would act on this machine instead of calling somebody.
LOCAL = frozenset(
    {"dbus", "kde", "qt", "gio", "glib", "gnome", "macosx", "windows", "syslog", "file", "exec", "script"}
)


def read_address(text: str) -> str:
    """An Apprise address, stripped.

    Raises:
        ValueError: it is none that may be used; says why.
    """
    address = text.strip()
    match = SCHEME.fullmatch(address)
    if match is None or len(address) > MOST_ADDRESS or not address.isprintable():
        raise ValueError("This is no Apprise address, such as slack://token/channel or ntfys://ntfy.sh/topic.")
    if match[1].lower() in LOCAL:
        raise ValueError(f"{match[1]}:// would act on the server itself.")
    return address


def shown(address: str) -> str:
    """What of an address may be shown: the kind of service."""
    return f"{address.partition('://')[0].lower()}://…"


def put_address(channel: Channel, address: str) -> None:
    """Keep the address in the row, which is not saved."""
    channel.sealed, channel.key = sealed(channel.pk, "url", address), first_name()
    channel.shown = shown(address)


def sealed(id: UUID, name: str, value: str) -> str:
    """One secret, encrypted for the row of this id."""
    return seal().close(id, {name: value})


def opened(id: UUID, name: str, text: str) -> str:
    """The secret again.

    Raises:
        NotOpened: it was encrypted with another key.
    """
    return seal().open(id, text)[name]


def send_to_target(channel: Channel, notifications: Sequence[Notification]) -> None:
    """Send them as one message.

    Raises:
        NotSent: it did not get there.
    """
    try:
        address = opened(channel.pk, "url", channel.sealed)
    except NotOpened:
        raise NotSent("Its address cannot be opened with the keys of this installation: give it again.") from None
    run_program({"url": address, "title": title(notifications), "body": body(notifications)})


def run_program(order: dict[str, str]) -> None:
    """Have the message sent by a process that may connect to nothing private.

    Raises:
        NotSent: it did not get there.
    """
    text = json.dumps({**order, "allow": settings.HTTP_ALLOW})
    command = [sys.executable, "-m", "agentflow.notifications.target_program"]
    environ = {
        name: os.environ[name] for name in ("PATH", "LANG", "SSL_CERT_FILE", "SSL_CERT_DIR") if name in os.environ
    }
    try:
        done = subprocess.run(
            command,
            input=text,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            cwd=settings.BASE_DIR,
            env=environ,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise NotSent(f"The service did not answer within {SECONDS} seconds.") from None
    try:
        answer = json.loads(done.stdout)
    except ValueError:
        raise NotSent("The service could not be called.") from None
    if answer["error"]:
        raise NotSent(answer["error"], retry=answer["retry"])


def title(notifications: Sequence[Notification]) -> str:
    """What the message is about, in one line."""
    first = notifications[0].title
    return first if len(notifications) == 1 else f"{len(notifications)} notifications: {first}, …"


def body(notifications: Sequence[Notification]) -> str:
    """The message as text."""
    parts = []
    for told in notifications:
        head = [told.title] if len(notifications) > 1 else []
        link = [absolute(told.path)] if told.path else []
        parts.append("\n".join([*head, *([told.text] if told.text else []), *link]))
    return "\n\n".join(parts) or notifications[0].title
