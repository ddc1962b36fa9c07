"""How JSON is read: what clients send, and what is stored."""

import json
import re
from json import JSONDecoder
from typing import Any

import orjson

#: Lists and objects inside each other; what is deeper orjson reads but does not write.
MAX_DEPTH = 254
#: Perhaps a whole number of more than 64 bits, of which orjson makes the nearest float.
_WIDE = re.compile(rb"\d{19}")


def read_json(text: bytes) -> Any:
    """The value of strict JSON in UTF-8; whole numbers of any size stay exact.

    Raises:
        ValueError: it is none, is nested too deeply, or has a number that is too large.
    """
    value = orjson.loads(text)  # no NaN, no half of a surrogate pair
    if text.count(b"[") + text.count(b"{") > MAX_DEPTH and not _can_be_written(value):
        raise ValueError(f"it is nested deeper than {MAX_DEPTH} levels")
    return json.loads(text) if _WIDE.search(text) else value


def _can_be_written(value: Any) -> bool:
    try:
        orjson.dumps(value)
    except TypeError:
        return False
    return True


class StoredJsonDecoder(JSONDecoder):
    """orjson for `JSONField(decoder=…)`: faster, and a float comes back as one.

    PostgreSQL writes the stored number 1e20 as 100000000000000000000, which Python's decoder makes an integer that
    is too large for every writer of JSON here.
    """

    def decode(self, s: str, *_: Any) -> Any:
        """The value of a JSON text."""
        return orjson.loads(s)
