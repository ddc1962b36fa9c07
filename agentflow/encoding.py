"""How JSON is written for clients."""

import json
from typing import Any

import orjson

#: Times in UTC end in Z.
OPTIONS = orjson.OPT_NON_STR_KEYS | orjson.OPT_UTC_Z


def dump(data: Any) -> bytes:
    """The value as compact JSON."""
    try:
        return orjson.dumps(data, default=str, option=OPTIONS)
    except TypeError:
        # A whole number of more than 64 bits, or nesting that orjson refuses to write.
        return json.dumps(data, default=_plain, separators=(",", ":")).encode()


def _plain(part: Any) -> Any:
    """What only orjson knows, times and ids, as it writes them."""
    return orjson.loads(orjson.dumps(part, default=str, option=OPTIONS))
