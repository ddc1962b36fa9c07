"""Whether a delivery was signed by somebody who knows the secret, and lately; pure."""

import base64
import binascii
import hmac
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

ALGORITHMS = ("sha256", "sha512", "sha384", "sha1")
ENCODINGS = ("hex", "base64")
LONGEST_TOLERANCE = 86_400
LONGEST_TEXT = 100
HEADER = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}")
#: What stands for parts of a delivery in what is signed.
PARTS = re.compile(r"\{(timestamp|id|body)\}")


class SignatureRefused(Exception):
    """The delivery is not taken; the message says why, and nothing that helps to forge one."""


class SchemeError(ValueError):
    """The scheme is none; `member` says where."""

    def __init__(self, member: str, message: str) -> None:
        super().__init__(message)
        self.member = member


@dataclass(frozen=True, slots=True)
class Scheme:
    """How deliveries are signed: an HMAC of `signed`, written into a header."""

    header: str
    algorithm: str = "sha256"
    encoding: str = "hex"
    #: Stands before the signature in the header: `sha256=`.
    prefix: str = ""
    #: What is signed: text in which {body}, {timestamp} and {id} stand for what was sent.
    signed: str = "{body}"
    #: The header with the seconds since 1970; the same as `header`: it is there as `t=…`. Empty: there is none.
    timestamp_header: str = ""
    tolerance_seconds: int = 300

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Scheme":
        """The scheme that a person wrote; raises SchemeError."""
        known = {field: data[field] for field in cls.__slots__ if field in data}
        if unknown := sorted(data.keys() - known.keys()):
            raise SchemeError(unknown[0], f"Is not known here; known are: {', '.join(cls.__slots__)}.")
        for name, value in known.items():
            if name != "tolerance_seconds" and not (isinstance(value, str) and len(value) <= LONGEST_TEXT):
                raise SchemeError(name, f"Must be text of at most {LONGEST_TEXT} characters.")
        scheme = cls(**{"header": "", **known})
        scheme._check()
        return scheme

    def to_json(self) -> dict[str, Any]:
        """The same as plain data."""
        return asdict(self)

    def _check(self) -> None:
        if not HEADER.fullmatch(self.header):
            raise SchemeError("header", "Name the header that carries the signature, for example X-Signature.")
        if self.algorithm not in ALGORITHMS:
            raise SchemeError("algorithm", f"Choose one of: {', '.join(ALGORITHMS)}.")
        if self.encoding not in ENCODINGS:
            raise SchemeError("encoding", f"Choose one of: {', '.join(ENCODINGS)}.")
        if self.timestamp_header and not HEADER.fullmatch(self.timestamp_header):
            raise SchemeError("timestamp_header", "Is no name of a header.")
        named = set(PARTS.findall(self.signed))
        if "body" not in named:
            raise SchemeError("signed", "Must contain {body}: else anybody could change it.")
        if ("timestamp" in named) != bool(self.timestamp_header):
            raise SchemeError(
                "signed", "A timestamp counts only if it is signed: name its header, and put {timestamp} in."
            )
        seconds = self.tolerance_seconds
        if not isinstance(seconds, int) or isinstance(seconds, bool) or not 1 <= seconds <= LONGEST_TOLERANCE:
            raise SchemeError("tolerance_seconds", f"Must be a whole number of seconds, 1 to {LONGEST_TOLERANCE:,}.")


#: How well-known senders sign; `id` is in the header that names the delivery.
PRESETS: Mapping[str, Scheme] = {
    "GitHub": Scheme("X-Hub-Signature-256", prefix="sha256="),
    "Slack": Scheme(
        "X-Slack-Signature",
        prefix="v0=",
        signed="v0:{timestamp}:{body}",
        timestamp_header="X-Slack-Request-Timestamp",
    ),
    "Stripe": Scheme(
        "Stripe-Signature", prefix="v1=", signed="{timestamp}.{body}", timestamp_header="Stripe-Signature"
    ),
    "Standard Webhooks": Scheme(
        "webhook-signature",
        encoding="base64",
        prefix="v1,",
        signed="{id}.{timestamp}.{body}",
        timestamp_header="webhook-timestamp",
    ),
}


def check(scheme: Scheme, secret: str, headers: Mapping[str, str], body: bytes, *, now: datetime, id: str = "") -> str:
    """A name for the delivery if it is signed rightly and lately; the same delivery again has the same name.

    `headers` have lower-case names.

    Raises:
        SignatureRefused: it is not.
    """
    given = headers.get(scheme.header.lower(), "")
    if not given:
        raise SignatureRefused(f"The header {scheme.header} with the signature is missing.")
    pieces = [piece for word in given[:2_000].split() for piece in (word, *word.split(","))]
    timestamp = _timestamp(scheme, headers, pieces)
    message = b"".join(_signed(scheme, body, timestamp=timestamp, id=id))
    right = hmac.digest(_key(secret), message, scheme.algorithm)
    for piece in pieces:
        if piece.startswith(scheme.prefix) and _is(piece.removeprefix(scheme.prefix), right, scheme.encoding):
            break
    else:
        raise SignatureRefused("The signature is not right.")
    if timestamp:
        _refuse_old(timestamp, now, scheme.tolerance_seconds)
    return sha256(right).hexdigest()


def sign(scheme: Scheme, secret: str, body: bytes, *, timestamp: str = "", id: str = "") -> str:
    """The signature of a delivery as its header carries it, without a timestamp in the same header."""
    mac = hmac.digest(_key(secret), b"".join(_signed(scheme, body, timestamp=timestamp, id=id)), scheme.algorithm)
    return scheme.prefix + (mac.hex() if scheme.encoding == "hex" else base64.b64encode(mac).decode())


def _key(secret: str) -> bytes:
    """The bytes of a secret. Source for `whsec_`: Standard Webhooks, "Symmetric signatures"."""
    if secret.startswith("whsec_"):
        try:
            return base64.b64decode(secret.removeprefix("whsec_"), validate=True)
        except binascii.Error:
            pass
    return secret.encode()


def _signed(scheme: Scheme, body: bytes, *, timestamp: str, id: str) -> list[bytes]:
    values = {"body": body, "timestamp": timestamp.encode(), "id": id.encode(errors="replace")}
    parts = PARTS.split(scheme.signed)
    return [values[part] if number % 2 else part.encode() for number, part in enumerate(parts)]


def _timestamp(scheme: Scheme, headers: Mapping[str, str], pieces: list[str]) -> str:
    if not scheme.timestamp_header:
        return ""
    if scheme.timestamp_header.lower() == scheme.header.lower():
        found = next((piece.removeprefix("t=") for piece in pieces if piece.startswith("t=")), "")
        found = found.partition(",")[0]
    else:
        found = headers.get(scheme.timestamp_header.lower(), "").strip()
    if not (found.isascii() and found.isdigit() and len(found) <= 12):
        raise SignatureRefused("The timestamp is missing, or is not a number of seconds since 1970.")
    return found


def _refuse_old(timestamp: str, now: datetime, tolerance: int) -> None:
    if abs(now.timestamp() - int(timestamp)) > tolerance:
        raise SignatureRefused(f"The timestamp differs by more than {tolerance} s from the time here.")


def _is(text: str, right: bytes, encoding: str) -> bool:
    try:
        given = bytes.fromhex(text) if encoding == "hex" else base64.b64decode(text, validate=True)
    except ValueError:  # also binascii's
        return False
    return hmac.compare_digest(given, right)
