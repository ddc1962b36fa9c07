"""Where a credential may be sent: host patterns, and the headers that prove who asks."""

import base64
import re
from collections.abc import Iterable

import httpx

from blocks.base import BlockError
from blocks.context import Secret

#: `api.example.com`, `*.example.com`, `example.com:8443`, `http://localhost:11434`, `[::1]:8443`.
PATTERN = re.compile(
    r"(?:(?P<scheme>https?)://)?(?P<host>(?:\*\.)?[a-z0-9_-]+(?:\.[a-z0-9_-]+)*|\[[0-9a-f:.]+\])(?::(?P<port>\d{1,5}))?"
)
DEFAULT_PORTS = {"http": 80, "https": 443}


def is_pattern(text: str) -> bool:
    """Whether the text is a host pattern."""
    match = PATTERN.fullmatch(text.strip().lower())
    return match is not None and 0 < int(match["port"] or 443) < 65_536


def pattern_of(url: str) -> str:
    """The narrowest pattern that matches the address; empty if it is none."""
    try:
        parts = httpx.URL(url.strip())
    except httpx.InvalidURL:
        return ""
    if parts.scheme not in DEFAULT_PORTS or not parts.host:
        return ""
    host = f"[{parts.host}]" if ":" in parts.host else parts.host
    port = f":{parts.port}" if parts.port else ""
    return f"{'http://' if parts.scheme == 'http' else ''}{host}{port}".lower()


def may_be_sent(patterns: Iterable[str], url: httpx.URL) -> bool:
    """Whether one of the patterns names this address' host: over TLS unless it begins with http://, at no other port."""
    host, port = url.host.lower().rstrip("."), url.port or DEFAULT_PORTS.get(url.scheme)
    for text in patterns:
        match = PATTERN.fullmatch(text.strip().lower())
        if match is None:
            continue
        scheme = match["scheme"] or "https"
        if url.scheme != scheme or port != int(match["port"] or DEFAULT_PORTS[scheme]):
            continue
        wanted = match["host"].strip("[]")
        if host.endswith(wanted[1:]) and len(host) > len(wanted) - 1 if wanted.startswith("*.") else host == wanted:
            return True
    return False


def headers_of(secret: Secret) -> dict[str, str]:
    """The headers by which the credential is sent."""
    fields = secret.fields
    if secret.kind == "api_key":
        header = fields.get("header") or "Authorization"
        return {header: f"Bearer {fields['key']}" if header.lower() == "authorization" else fields["key"]}
    if secret.kind == "basic":
        pair = f"{fields['user']}:{fields['password']}"
        return {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}
    if secret.kind == "bearer":
        return {"Authorization": f"Bearer {fields['token']}"}
    if secret.kind == "oauth2":
        return {"Authorization": f"Bearer {fields['access_token']}"}
    if secret.kind == "headers":
        return dict(fields)
    raise BlockError("A credential of this kind is not sent with requests.", retry=False)


def refusal(secret: Secret, url: httpx.URL) -> BlockError:
    """Why the credential is not sent there."""
    if not secret.hosts:
        return BlockError(
            "The credential names no hosts that it may be sent to. Its owner can add them on the page Credentials.",
            retry=False,
        )
    where = pattern_of(str(url)) or url.host
    return BlockError(
        f"The credential may only be sent to {', '.join(secret.hosts)}, not to {where}. "
        "Hosts stand for https unless they begin with http://.",
        retry=False,
    )
