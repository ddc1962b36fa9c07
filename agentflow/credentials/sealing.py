"""Encryption of what a credential holds: Fernet (AES-128-CBC with HMAC-SHA256), with several keys while they change."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from uuid import UUID

from django.conf import settings


class NotOpened(Exception):
    """None of the keys opens it, or it belongs to another credential."""


class Seal:
    """The keys of this installation; the first one encrypts, each decrypts."""

    def __init__(self, keys: Sequence[str]) -> None:
        from cryptography.fernet import Fernet, MultiFernet  # takes a while; processes without credentials go without

        self._fernet = MultiFernet([Fernet(key) for key in keys])

    def close(self, id: UUID, fields: Mapping[str, str]) -> str:
        """The fields as text that says nothing; it opens only as this credential's."""
        plain = json.dumps({"id": str(id), "fields": dict(fields)})
        return self._fernet.encrypt(plain.encode()).decode()

    def open(self, id: UUID, sealed: str) -> dict[str, str]:
        """The fields again.

        Raises:
            NotOpened: the keys are others, the text was changed, or it is another credential's.
        """
        from cryptography.fernet import InvalidToken

        try:
            plain = json.loads(self._fernet.decrypt(sealed.encode()))
        except InvalidToken:
            raise NotOpened("none of the keys opens it") from None
        if plain["id"] != str(id):
            raise NotOpened("it belongs to another credential")
        fields: dict[str, str] = plain["fields"]
        return fields


def seal() -> Seal:
    """The seal of this process."""
    return _seal(tuple(settings.CREDENTIAL_KEYS))


def name_of(key: str) -> str:
    """A key's name in the database, from which the key cannot be found."""
    return hashlib.sha256(b"agentflow credential key " + key.encode()).hexdigest()[:16]


def first_name() -> str:
    """The name of the key that encrypts."""
    return name_of(settings.CREDENTIAL_KEYS[0])


def names() -> list[str]:
    """The names of all keys of this installation."""
    return [name_of(key) for key in settings.CREDENTIAL_KEYS]


@lru_cache(maxsize=4)
def _seal(keys: tuple[str, ...]) -> Seal:
    return Seal(keys)
