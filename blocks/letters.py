"""Mails as text: addresses that are ones, headers that hold nothing else, and the message as it goes over the wire."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from email import policy
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Any

from blocks.base import BlockError

MAX_BYTES = 25_000_000
MAX_RECIPIENTS = 500
MAX_SUBJECT = 1_000

#: Nothing but seven bits goes out, so that every server can pass it on.
_POLICY = policy.SMTP.clone(cte_type="7bit")
_CONTROL = re.compile(r"[\x00-\x1f\x7f\u2028\u2029\x85]")
_DOMAIN = re.compile(r"[^\s@<>()\[\],;:\\\"]+|\[[0-9A-Fa-f:.]+\]")
#: What a Message-ID does not hold (RFC 5322, 3.6.4).
_NO_ID = re.compile(r"[^A-Za-z0-9.-]+")
#: An address in letters beyond ASCII is none to the older rules.
_HARMLESS = ("NonASCIILocalPartDefect",)


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail that is ready to be sent."""

    sender: str
    recipients: tuple[str, ...]
    message_id: str
    content: bytes
    #: Addresses in letters beyond ASCII need a server that takes them (RFC 6531).
    needs_utf8: bool


def read_addresses(given: Iterable[str]) -> list[Address]:
    """The addresses, with or without names: `ada@example.com`, `Ada <ada@example.com>`, several by commas.

    Raises:
        BlockError: one is none.
    """
    found: list[Address] = []
    for text in given:
        if text.strip():
            found += _addresses(text)
    return found


def _addresses(text: str) -> list[Address]:
    if not _CONTROL.search(text):
        header = _header(text)
        is_sound = header is not None and all(type(defect).__name__ in _HARMLESS for defect in header.defects)
        addresses = list(header.addresses) if header else []
        if is_sound and addresses and all(each.username and _DOMAIN.fullmatch(each.domain) for each in addresses):
            return addresses
    raise BlockError(f"“{text[:200]!s}” is no mail address such as ada@example.com.".replace("\n", " "), retry=False)


def _header(text: str) -> Any:
    """The parsed header; None if Python's parser stumbles, as it does over some that are none."""
    try:
        return policy.default.header_factory("To", text)
    except (MessageError, IndexError, ValueError):
        return None


def letter(
    *,
    sender: str,
    to: Iterable[str],
    cc: Iterable[str],
    bcc: Iterable[str],
    reply_to: Iterable[str],
    subject: str,
    text: str,
    html: str,
    key: str,
) -> Letter:
    """The mail; the same `key` gives the same Message-ID, by which those who get it twice can tell.

    Raises:
        BlockError: an address or the subject is none, nobody gets it, or it is empty or too large.
    """
    message = EmailMessage(policy=_POLICY)
    senders = read_addresses([sender])
    if len(senders) != 1:
        raise BlockError("Give one address that the mail is from.", retry=False)
    named = {"To": read_addresses(to), "Cc": read_addresses(cc), "Reply-To": read_addresses(reply_to)}
    hidden = read_addresses(bcc)
    recipients = dict.fromkeys(each.addr_spec for each in (*named["To"], *named["Cc"], *hidden))
    if not recipients:
        raise BlockError("Nobody is to get the mail: give an address under to, cc or bcc.", retry=False)
    if len(recipients) > MAX_RECIPIENTS:
        raise BlockError(f"One mail goes to at most {MAX_RECIPIENTS} addresses, not {len(recipients):,}.", retry=False)
    message["From"] = senders[0]
    for name, addresses in named.items():
        if addresses:
            message[name] = tuple(addresses)
    message["Subject"] = _subject(subject)
    message["Date"] = format_datetime(datetime.now(UTC))
    message_id = message["Message-ID"] = f"<{_NO_ID.sub('-', key)}@{_host(senders[0])}>"
    _fill(message, text, html)
    needs_utf8 = not "".join([senders[0].addr_spec, *recipients]).isascii()
    content = message.as_bytes(policy=_POLICY.clone(utf8=True) if needs_utf8 else _POLICY)
    if len(content) > MAX_BYTES:
        raise BlockError(f"The mail has {len(content):,} bytes, more than {MAX_BYTES:,}.", retry=False)
    return Letter(senders[0].addr_spec, tuple(recipients), str(message_id), content, needs_utf8)


def _subject(subject: str) -> str:
    if _CONTROL.search(subject) or len(subject) > MAX_SUBJECT:
        raise BlockError(f"The subject must be one line of at most {MAX_SUBJECT:,} characters.", retry=False)
    return subject


def _host(sender: Address) -> str:
    return sender.domain if sender.domain.isascii() else "agentflow"


def _fill(message: EmailMessage, text: str, html: str) -> None:
    if not text and not html:
        raise BlockError("The mail is empty: give a text, or HTML.", retry=False)
    if text or not html:
        message.set_content(text)
    if html and text:
        message.add_alternative(html, subtype="html")
    elif html:
        message.set_content(html, subtype="html")
