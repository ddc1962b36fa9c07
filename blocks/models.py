"""What language models are asked and what they answer, whoever serves them; and what became of a call that failed, in words."""

import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from math import isfinite
from typing import Any

from blocks.base import BlockError
from blocks.context import BlockContext, Secret
from blocks.hosts import headers_of, pattern_of

#: Kinds of credential that prove who asks a model.
CREDENTIALS = ("api_key", "bearer", "headers")
ADDRESSES = {"openai": "https://api.openai.com/v1", "anthropic": "https://api.anthropic.com"}
MAX_DETAIL = 500
#: No server is waited for longer before the next try.
MAX_AFTER_SECONDS = 3_600.0
#: Types of errors that servers send in the middle of an answer and that no other try mends.
_LASTING = frozenset({"invalid_request_error", "authentication_error", "permission_error", "not_found_error"})
_NO_CREDIT = frozenset({"insufficient_quota", "billing_error", "billing_hard_limit_reached"})

Message = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Ask:
    """What a model is asked."""

    model: str
    messages: list[Message]
    system: str = ""
    temperature: float | None = None
    max_tokens: int | None = None
    #: The answer must be JSON of this schema.
    schema: Mapping[str, Any] | None = None


@dataclass(slots=True)
class Reply:
    """What came so far."""

    parts: list[str] = field(default_factory=list)
    #: Why it ended: stop, length, content_filter, …; empty: it has not.
    finish: str = ""
    model: str = ""
    input_tokens: int = 0
    output_tokens: int = 0

    @property
    def text(self) -> str:
        """All of the text."""
        return "".join(self.parts)


@dataclass(frozen=True, slots=True)
class Place:
    """Where the model is and who asks."""

    provider: str
    base_url: str
    proofs: Mapping[str, str] = field(default_factory=dict, repr=False)
    hosts: tuple[str, ...] = ()
    silence_seconds: float = 120.0

    @property
    def name(self) -> str:
        """For messages: the host."""
        return pattern_of(self.base_url) or self.base_url[:200]


async def place_of(
    context: BlockContext, *, provider: str, credential: str | None, base_url: str, silence_seconds: float
) -> Place:
    """Where to send what, by a block's inputs: the block's address comes first, then the credential's, then the provider's own.

    Raises:
        BlockError: the credential cannot be used, or nobody says where.
    """
    secret = await context.credential(credential, *CREDENTIALS) if credential else None
    given = base_url.strip() or (secret.fields.get("base_url", "") if secret else "")
    if not given and secret is None:
        raise BlockError("Choose a credential, or give the address of a server that needs none.", retry=False)
    address = (given or ADDRESSES[provider]).rstrip("/")
    if not pattern_of(address):
        raise BlockError(f"“{address[:200]}” is no address such as {ADDRESSES['openai']}.", retry=False)
    if secret is None:
        return Place(provider, address, silence_seconds=silence_seconds)
    return Place(provider, address, _proofs(secret, provider), _hosts(secret), silence_seconds)


def _hosts(secret: Secret) -> tuple[str, ...]:
    """Where the credential may go: to the hosts and the address that it names."""
    own = pattern_of(secret.fields.get("base_url", "")) if secret.kind == "api_key" else ""
    return (*secret.hosts, *filter(None, [own]))


def _proofs(secret: Secret, provider: str) -> dict[str, str]:
    header = secret.fields.get("header", "Authorization")
    if provider == "anthropic" and secret.kind == "api_key" and header.lower() == "authorization":
        return {"x-api-key": secret.fields["key"]}
    return headers_of(secret)


def status_error(place: Place, status: int, headers: Mapping[str, str], body: Any) -> BlockError:
    """Why the server refused, and whether and when another try may help."""
    kind, detail = _said(body)
    what = f": {detail}" if detail else "."
    if status < 300:
        return stream_error(place, body)
    if status < 400:
        return BlockError(f"{place.name} answers with a redirect, which is not followed.", retry=False)
    if kind in _NO_CREDIT:
        return BlockError(f"The account at {place.name} has no credit left{what}", retry=False)
    if status == 429:
        return BlockError(f"{place.name} takes no more requests for now{what}", after_seconds=_after(headers))
    if status in (408, 409, 425) or status >= 500:
        words = f"{place.name} could not answer (status {status}){what}"
        return BlockError(words, after_seconds=_after(headers))
    if status in (401, 403):
        with_what = "the credential" if place.proofs else "calls without a credential"
        return BlockError(f"{place.name} does not accept {with_what}{what}", retry=False)
    if status == 404:
        words = f"{place.name} has no such model, or nothing at this address{what}"
        return BlockError(words, retry=False)
    return BlockError(f"{place.name} refuses the request (status {status}){what}", retry=False)


def stream_error(place: Place, body: Any) -> BlockError:
    """What went wrong in the middle of an answer."""
    kind, detail = _said(body)
    words = f"{place.name} broke its answer off{f': {detail}' if detail else '.'}"
    return BlockError(words, retry=kind not in _LASTING | _NO_CREDIT)


def wrapped(error: BaseException | None) -> BlockError | None:
    """The BlockError that a client has wrapped."""
    while error is not None and not isinstance(error, BlockError):
        error = error.__cause__
    return error


def not_understood(place: Place) -> BlockError:
    """The server speaks another language."""
    return BlockError(f"{place.name} sent something that is no answer of a {place.provider} server.")


def _said(body: Any) -> tuple[str, str]:
    """Type and message of an error, wherever in its body they are."""
    error = body.get("error", body) if isinstance(body, Mapping) else body
    if isinstance(error, Mapping):
        kind = error.get("code") if error.get("code") in _NO_CREDIT else error.get("type")
        return str(kind or ""), _detail(error.get("message") or "")
    return "", _detail(error or "")


def _detail(text: object) -> str:
    return " ".join(str(text).split())[:MAX_DETAIL]


def _after(headers: Mapping[str, str]) -> float:
    """Seconds that the server asks to wait (RFC 9110, 10.2.3); 0: it does not say."""
    text = headers.get("retry-after", "").strip()
    seconds = 0.0
    with suppress(ValueError):
        seconds = float(text)
    if not seconds and text:
        with suppress(ValueError, TypeError):
            seconds = parsedate_to_datetime(text).timestamp() - time.time()
    return min(max(seconds, 0.0), MAX_AFTER_SECONDS) if isfinite(seconds) else 0.0
