"""Which part of what came each input gets: `body.user.name`, `query.page`, `headers.x-event`; pure."""

import re
from collections.abc import Mapping
from typing import Any

#: Parts of an address into a value.
DEEPEST = 20
LONGEST = 300
MOST_INPUTS = 200
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")


class MappingError(ValueError):
    """The mapping is none; `member` is the input."""

    def __init__(self, member: str, message: str) -> None:
        super().__init__(message)
        self.member = member


def check_mapping(mapping: Mapping[str, Any], sources: Mapping[str, str]) -> None:
    """Raise MappingError unless every input has an address that begins with one of these sources."""
    if len(mapping) > MOST_INPUTS:
        raise MappingError("", f"At most {MOST_INPUTS} inputs can be mapped.")
    known = ", ".join(sources)
    for name, address in mapping.items():
        if not NAME.fullmatch(name):
            raise MappingError(name, "This is no name of an input.")
        if not isinstance(address, str) or not 0 < len(address) <= LONGEST:
            raise MappingError(name, f"Write an address of at most {LONGEST} characters, for example {known}.")
        first, *rest = address.split(".")
        if first not in sources:
            raise MappingError(name, f"An address begins with one of: {known}.")
        if len(rest) > DEEPEST or not all(rest):
            raise MappingError(name, f"An address has at most {DEEPEST} parts with dots between, none of them empty.")


def mapped(mapping: Mapping[str, str], sources: Mapping[str, Any]) -> dict[str, Any]:
    """The inputs; what an address does not reach is left out."""
    found = {}
    for name, address in mapping.items():
        is_there, value = _reached(sources, address.split("."))
        if is_there:
            found[name] = value
    return found


def _reached(value: Any, parts: list[str]) -> tuple[bool, Any]:
    for part in parts:
        if isinstance(value, Mapping) and part in value:
            value = value[part]
        elif (
            isinstance(value, list) and part.isascii() and part.isdigit() and len(part) < 10 and int(part) < len(value)
        ):
            value = value[int(part)]
        else:
            return False, None
    return True, value
