"""Addresses that nobody can guess, and that their owners can copy at any time.

What is stored finds an address and does not give it away: the secret part is made of stored chance and the server's
secret key. After that key has changed, old addresses still work; only to be shown they must be made anew.
"""

import hmac
import secrets
from base64 import urlsafe_b64encode
from hashlib import sha256

from django.conf import settings

from agentflow.triggers.models import Addressed


def renew(trigger: Addressed) -> None:
    """Give it a new address; the old one, if any, is gone as soon as it is saved."""
    trigger.nonce = secrets.token_hex(32)
    trigger.digest = digest(_made(settings.SECRET_KEY, trigger.nonce))


def token(trigger: Addressed) -> str:
    """The secret part of its address; empty if it was made with a key that this server no longer has."""
    for key in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS):
        made = _made(key, trigger.nonce)
        if hmac.compare_digest(digest(made), trigger.digest):
            return made
    return ""


def digest(text: str) -> str:
    """What is stored of it: it has 256 bits of chance, and so needs no slow hash."""
    return sha256(text.encode(errors="replace")).hexdigest()


def _made(key: str | bytes, nonce: str) -> str:
    key = key.encode() if isinstance(key, str) else key
    mac = hmac.digest(key, b"agentflow trigger " + nonce.encode(), "sha256")
    return urlsafe_b64encode(mac).rstrip(b"=").decode()
