"""How stored JSON is read back."""

from json import JSONDecoder
from typing import Any

import orjson


class StoredJsonDecoder(JSONDecoder):
    """orjson for `JSONField(decoder=…)`: faster, and a float comes back as one.

    PostgreSQL writes the stored number 1e20 as 100000000000000000000, which Python's decoder makes an integer that
    is too large for every writer of JSON here.
    """

    def decode(self, s: str, *_: Any) -> Any:
        """The value of a JSON text."""
        return orjson.loads(s)
