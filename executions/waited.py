"""What a node execution waits for or has waited for, as it stands in its row: waits by key; those with `done` are over."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

#: `{for, until?, approval?, child?, graph?, failures?, done?}`.
Wait = dict[str, Any]

#: The waits that the runtime itself makes, by key.
RETRY, OUTCOME = "retry", "outcome"


def open_wait(waits: Mapping[str, Wait]) -> Wait | None:
    """What the run waits for now."""
    return next((wait for wait in waits.values() if "done" not in wait), None)


def is_open(waits: Mapping[str, Wait], key: str) -> bool:
    """The run waits under this key."""
    return "done" not in waits.get(key, {"done": True})


def interrupted(attempt: int, waits: Mapping[str, Wait]) -> int:
    """Attempts that ended because their worker was lost or stopped; the others before this one have failed."""
    going_on = not is_open(waits, RETRY)
    return max(0, attempt - going_on - int(waits.get(RETRY, {}).get("failures", 0)))


def awaited(waits: Mapping[str, Wait]) -> UUID | None:
    """Id of the approval or of the execution that the run waits for."""
    wait = open_wait(waits) or {}
    id = wait.get("approval") or wait.get("child")
    return UUID(id) if id else None


def until_of(waits: Mapping[str, Wait]) -> datetime | None:
    """When the wait ends by itself; None: somebody else ends it."""
    until = (open_wait(waits) or {}).get("until")
    return datetime.fromisoformat(until) if until else None
