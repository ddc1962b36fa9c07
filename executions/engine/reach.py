"""Reaching into a value: the part that a link's source port names."""

from collections.abc import Sequence
from typing import Any, Final

from blocks.types import shown
from executions.engine.commands import PortError
from executions.engine.tables import OutPlan


class WrongKindError(Exception):
    """The value cannot have parts of this kind; the message names value and part."""


#: The value has no such part.
MISSING: Final = object()


def reach(value: Any, parts: Sequence[str]) -> Any:
    """The part of the value; `MISSING` when the value does not have it.

    `null` has no parts. Dict keys and list indices count from 0; the value is not copied.

    Raises:
        WrongKindError: a part of a number, text or boolean, or a list index that is no number.
    """
    for part in parts:
        if isinstance(value, dict):
            value = value.get(part, MISSING)
        elif isinstance(value, list):
            if not part.isdecimal():
                raise WrongKindError(f"{shown(value)} is a list: “{part}” is no index of it")
            value = value[int(part)] if int(part) < len(value) else MISSING
        elif value is None:
            return MISSING
        else:
            raise WrongKindError(f"{shown(value)} has no “{part}”")
        if value is MISSING:
            return MISSING
    return value


def parts_of(out: OutPlan, value: Any) -> list[Any]:
    """What each link of the port takes of a value.

    Raises:
        PortError: a part that the value cannot have.
    """
    try:
        return [reach(value, link.parts) for link in out.links]
    except WrongKindError as error:
        raise PortError(f"A link takes a part of “{out.name}” that it cannot have: {error}") from error


def error_parts(out: OutPlan, error: dict[str, Any]) -> list[Any]:
    """What each link of the error port takes; a part that it cannot have carries nothing: the run has failed already."""
    parts = []
    for link in out.links:
        try:
            parts.append(reach(error, link.parts))
        except WrongKindError:
            parts.append(MISSING)
    return parts
