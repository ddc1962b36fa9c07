"""Secret values out of everything that a run leaves behind: each becomes •••, in any of the forms that it travels in."""

import base64
import json
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import quote, quote_plus, unquote, urlsplit

import orjson

from agentflow.credentials.kinds import KINDS, SQL
from agentflow.logs.redaction import remember
from blocks.context import Secret

HIDDEN = "•••"
#: Shorter ones are parts of too many harmless words.
SHORTEST = 4


class Hiding:
    """The secrets that one run has opened."""

    def __init__(self) -> None:
        #: Longest first: one may hold another.
        self._texts: list[str] = []
        #: As they stand in JSON text.
        self._marks: list[bytes] = []

    def learn(self, secret: Secret) -> None:
        """From now on hide what is in it; this process' log lines hide it, too."""
        found = set(self._texts).union(forms_of(secret))
        self._texts = sorted(found, key=len, reverse=True)
        self._marks = [orjson.dumps(text)[1:-1] for text in self._texts]
        remember(self._texts)

    def text(self, text: str) -> str:
        """The text without secrets."""
        for secret in self._texts:
            text = text.replace(secret, HIDDEN)
        return text

    def is_in(self, encoded: bytes) -> bool:
        """Whether JSON text holds a secret; it is looked at once for each secret, at the speed of a memory search."""
        return any(mark in encoded for mark in self._marks)

    def value(self, value: Any) -> Any:
        """The value without secrets, as a copy."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {self.text(key): self.value(part) for key, part in value.items()}
        if isinstance(value, list | tuple):
            return [self.value(part) for part in value]
        return value


def forms_of(secret: Secret) -> set[str]:
    """The secret values, and how they look inside addresses, JSON and headers."""
    plain = {value for value in _secret_values(secret) if len(value) >= SHORTEST}
    forms = plain | {form for value in plain for form in _forms(value)}
    if "password" in secret.fields:
        pair = f"{secret.fields.get('user', '')}:{secret.fields['password']}"
        forms |= {base64.b64encode(pair.encode(charset)).decode() for charset in _charsets(pair)}
    return forms


def _secret_values(secret: Secret) -> Iterator[str]:
    kind = KINDS.get(secret.kind)
    for name, value in secret.fields.items():
        if kind is None or kind.is_secret(name) or name in ("access_token", "refresh_token"):
            yield value
            if secret.kind == SQL.id and (password := _password_of(value)):
                yield password
                yield unquote(password)
            if kind is not None and kind.is_open and " " in value:  # “Bearer …”, “Token …”
                yield value.rpartition(" ")[2]


def _forms(value: str) -> Iterable[str]:
    yield quote(value, safe="")
    yield quote(value)
    yield quote_plus(value)
    yield json.dumps(value)[1:-1]
    yield json.dumps(value, ensure_ascii=False)[1:-1]
    yield base64.b64encode(value.encode()).decode()


def _charsets(pair: str) -> tuple[str, ...]:
    try:
        pair.encode("latin-1")
    except UnicodeEncodeError:
        return ("utf-8",)
    return ("utf-8", "latin-1")


def _password_of(url: str) -> str:
    try:
        return urlsplit(url).password or ""
    except ValueError:
        return ""
