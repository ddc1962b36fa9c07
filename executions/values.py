"""Values between Python and storage: JSON text that loses nothing, inline or as a blob."""

import json
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import orjson
from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from pydantic_core import to_json

from blocks.base import BlockError

#: Only what JSON has: anything else must not silently become text.
_STRICT = orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_SUBCLASS
_PLAIN = (str, int, float, bool, type(None))
#: Lists and dicts inside each other; orjson's own limit.
MAX_DEPTH = 254


@dataclass(frozen=True, slots=True)
class Encoded:
    """A value as JSON text; a large one is told apart by its digest and stored as a blob."""

    text: bytes
    sha256: str | None = None
    #: The text holds whole numbers beyond 64 bits, which only Python's own parser keeps exact.
    is_wide: bool = False

    @property
    def inline(self) -> str | None:
        """The text for the row; None when it is in a blob."""
        return None if self.sha256 else self.text.decode()


def encode(value: Any) -> Encoded:
    """The value's JSON.

    Raises:
        BlockError: it is not JSON (a date, NaN, a set, …), or larger than the limit.
    """
    text, is_wide = _dump(value)
    if len(text) > settings.MAX_VALUE_BYTES:
        raise BlockError(
            f"A value of {len(text):,} bytes is larger than the limit of {settings.MAX_VALUE_BYTES:,} bytes.",
            retry=False,
        )
    if len(text) <= settings.INLINE_VALUE_BYTES:
        return Encoded(text, is_wide=is_wide)
    return Encoded(text, sha256(text).hexdigest(), is_wide)


def as_recorded(value: Any, encoded: Encoded) -> Any:
    """The value as the records will give it back: what travels is what was written.

    Nobody who keeps the yielded list can change it later, a tuple is the list that a replay would find, and two sinks
    of one value never share it with its source.
    """
    if type(value) in _PLAIN:
        return value
    return json.loads(encoded.text) if encoded.is_wide else orjson.loads(encoded.text)


def decode(text: str | bytes) -> Any:
    """The value again; whole numbers of any size stay exact."""
    return json.loads(text)


def blob_name(digest: str) -> str:
    """Where a blob lies in the storage."""
    return f"{digest[:2]}/{digest[2:4]}/{digest}"


def save_blob(encoded: Encoded) -> None:
    """Write the bytes to the storage unless they are there; call before the row that names them. Blocking."""
    if encoded.sha256 is None:
        return
    name = blob_name(encoded.sha256)
    if not default_storage.exists(name):
        default_storage.save(name, ContentFile(encoded.text))


def load_blob(digest: str) -> Any:
    """The value of a blob. Blocking."""
    with default_storage.open(blob_name(digest)) as file:
        return decode(file.read())


def load(output: Any) -> Any:
    """The value of an Output row."""
    return load_blob(output.blob_id) if output.blob_id else output.value


def _dump(value: Any) -> tuple[bytes, bool]:
    """JSON text, and whether only `json` reads it back exactly."""
    try:
        text = orjson.dumps(value, option=_STRICT)
    except TypeError as error:
        return _dump_wide(value, error), True
    if b"null" in text and _is_anything_not_finite(value, text):
        _refuse_not_finite(value)
    return text, False


def _dump_wide(value: Any, reason: Exception) -> bytes:
    """What orjson leaves out: whole numbers beyond 64 bits."""
    for part in _parts(value):
        if not isinstance(part, (*_PLAIN, dict, list, tuple)):
            raise BlockError(
                f"A {type(part).__name__} is no JSON value; give text, numbers, lists and dicts.", retry=False
            )
    try:
        return json.dumps(value, allow_nan=False, ensure_ascii=False, separators=(",", ":")).encode()
    except (ValueError, RecursionError):
        raise BlockError(f"The value cannot be written as JSON: {reason}.", retry=False) from None


def _is_anything_not_finite(value: Any, text: bytes) -> bool:
    """Orjson writes NaN and infinities as null; pydantic can name them, in a fraction of the time of a look at each part."""
    return to_json(value, inf_nan_mode="constants").count(b"null") != text.count(b"null")


def _refuse_not_finite(value: Any) -> None:
    for part in _parts(value):
        if isinstance(part, float) and not math.isfinite(part):
            raise BlockError(f"{part} is no JSON number, so it cannot travel on a link.", retry=False)


def _parts(value: Any) -> Iterator[Any]:
    """The value and everything in it, without recursion.

    Raises:
        BlockError: a key that is no text, or a value that is too deep or contains itself.
    """
    stack = [(value, 0)]
    while stack:
        part, depth = stack.pop()
        yield part
        if isinstance(part, dict):
            for wrong in (key for key in part if not isinstance(key, str)):
                raise BlockError(f"The key {wrong!r} of a dict is no text.", retry=False)
            inner: Iterable[Any] = part.values()
        elif isinstance(part, (list, tuple)):
            inner = part
        else:
            continue
        if depth >= MAX_DEPTH:
            raise BlockError(f"The value is deeper than {MAX_DEPTH} levels, or contains itself.", retry=False)
        stack.extend((each, depth + 1) for each in inner)
