"""Secrets that must not reach a log, found by the names of values, by how they look, and by what was opened here."""

import re
from collections import OrderedDict
from collections.abc import Iterable, Mapping, MutableMapping
from functools import lru_cache
from typing import Any

HIDDEN = "[hidden]"
MOST_DEPTH = 4
#: Opened secrets that a process remembers; the least recently opened are forgotten.
MOST_OPENED = 2_000
#: Made by us, of nothing that anybody else has written.
SAFE = frozenset({"time", "level", "logger", "execution", "graph", "user", "worker"})

#: Names of values that are secrets, also as parts: `db_password`, `X-Api-Key`.
SECRET_NAMES = re.compile(
    r"pass(?:word|wd|phrase)|secret|token|api[-_]?key|private[-_]?key|authorization|cookie|credential|session[-_]?(?:id|key)",
    re.IGNORECASE,
)
#: A cheap look first: most texts have none of these.
MARKS = (
    *("://", "bearer ", "basic ", "pass", "secret", "token", "key", "authorization", "cookie"),
    *("/hooks/", "/forms/"),
    *("af_", "sk-", "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "xox", "akia", "eyj"),
)
SECRET_TEXTS = (
    # Addresses of webhooks and forms: whoever knows one may use it
    (re.compile(r"(/(?:hooks|forms)/)[\w-]{20,}"), rf"\1{HIDDEN}"),
    # user:password@ of a URL
    (re.compile(r"(\w[\w+.-]*://[^\s/:@]*):[^\s/]+@"), rf"\1:{HIDDEN}@"),
    # Authorization: Bearer …
    (re.compile(r"\b(bearer|basic)(\s+)[\w.~+/=-]{6,}", re.IGNORECASE), rf"\1\2{HIDDEN}"),
    # password=…, "api_key": "…", token: …
    (
        re.compile(
            r"(\w*(?:password|passwd|secret|token|api[-_]?key|access[-_]?key|authorization|cookie)[\"']?\s*[=:]\s*[\"']?)"
            r"(?!\[hidden\]|bearer |basic )[^\s\"',;&}]+",
            re.IGNORECASE,
        ),
        rf"\1{HIDDEN}",
    ),
    # Tokens by their look: ours, those of well-known services, JSON web tokens
    (
        re.compile(
            r"\b(?:af_[\w-]{20,}|sk-[\w-]{16,}|gh[pousr]_\w{20,}|xox[abprs]-[\w-]{10,}|AKIA[A-Z0-9]{16}"
            r"|eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*)"
        ),
        HIDDEN,
    ),
    (re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)", re.DOTALL), HIDDEN),
)


_opened: OrderedDict[str, None] = OrderedDict()


def remember(secrets: Iterable[str]) -> None:
    """No line of this process shall hold these texts."""
    for text in secrets:
        _opened[text] = None
        _opened.move_to_end(text)
    while len(_opened) > MOST_OPENED:
        _opened.popitem(last=False)


def redact(_logger: Any, _method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A structlog processor: the line without secrets, all of it plain data."""
    for name, value in line.items():
        if name not in SAFE:
            line[name] = without_secrets(value, name)
    return line


def without_secrets(value: Any, name: str = "", depth: int = 0) -> Any:
    """The value as plain data; what its name or look gives away as a secret is hidden."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if is_secret(name):
        return HIDDEN
    if isinstance(value, str):
        return hidden(value)
    if depth < MOST_DEPTH:
        if isinstance(value, Mapping):
            return {str(key): without_secrets(part, str(key), depth + 1) for key, part in value.items()}
        if isinstance(value, list | tuple | set | frozenset):
            return [without_secrets(part, "", depth + 1) for part in value]
    return hidden(str(value))


@lru_cache(maxsize=1_000)
def is_secret(name: str) -> bool:
    """Whether values of this name are secrets."""
    return SECRET_NAMES.search(name) is not None


def hidden(text: str) -> str:
    """The text with its secrets hidden."""
    small = text.lower()
    if any(mark in small for mark in MARKS):
        for pattern, instead in SECRET_TEXTS:
            text = pattern.sub(instead, text)
    for secret in tuple(_opened):
        if secret in text:
            text = text.replace(secret, HIDDEN)
    return text
