"""Executions that have lost several workers are tried again a few at a time, at last alone.

One of them may be what ends the workers. So it is found, and those that were only hosted beside it are not blamed: a lost
worker counts against an execution only if it came up for trial shortly before.
"""

import math
import time
from collections.abc import Collection, Iterable
from typing import Any, LiteralString, NamedTuple
from uuid import UUID

from executions.store import SUSPICIOUS, Store

#: An execution that lost so many workers within so long is what ends them.
MOST_LOST, LOST_SECONDS = 8, 900.0
#: What survives for so long after it was resumed makes room for the next.
TRIAL_SECONDS = 20.0
#: Suspects that are tried at once, by one worker, when they have lost so many workers; a quarter for each further one.
ROOM = 64

#: How many lost workers count against the execution `e`.
LOSSES: LiteralString = """(
    SELECT count(*) FROM jsonb_array_elements(e.events) AS event WHERE event ->> 'kind' = 'worker_lost'
        AND coalesce((event ->> 'blamed')::boolean, true)
        AND (event ->> 'at')::timestamptz > clock_timestamp() - make_interval(secs => %(within)s)
)"""
#: Whether the loss of a worker whose lease ended at `lost.expires_at` counts against `e`.
BLAMED: LiteralString = f"""(
    {LOSSES} < %(suspicious)s OR e.events -> -1 ->> 'kind' = 'resumed'
        AND (e.events -> -1 ->> 'at')::timestamptz > lost.expires_at - make_interval(secs => %(trial)s)
)"""
#: Queued executions that `store.CLAIM` leaves to those who have admitted them.
SUSPECTS: LiteralString = """
    SELECT id, (events -> -1 ->> 'losses')::int AS losses FROM executions_execution
    WHERE status = 'queued' AND cancel_requested_at IS NULL AND (events -> -1 ->> 'losses')::int >= %s
    ORDER BY losses, id LIMIT 500
"""


class Suspect(NamedTuple):
    """A queued execution and how many lost workers count against it."""

    id: UUID
    losses: int


def room(losses: int) -> int:
    """How many suspects a worker tries at once when one has so many losses."""
    return max(1, ROOM >> 2 * (losses - SUSPICIOUS))


class Trials:
    """Which of the suspects one worker may claim now."""

    def __init__(self, store: Store) -> None:
        self._store = store
        #: With how many losses each; what was claimed of them is on trial.
        self.admitted: dict[UUID, int] = {}
        #: Suspects that were admitted here: until when each is on trial, and how many may be beside it.
        self._tried: dict[UUID, tuple[float, int]] = {}

    async def look(self, hosted: Collection[UUID]) -> bool:
        """Choose anew; whether there is anybody to claim."""
        rows = await self._store.rows(SUSPECTS, (SUSPICIOUS,))
        self.choose([Suspect(**row) for row in rows], hosted)
        return bool(self.admitted)

    def choose(self, suspects: Collection[Suspect], hosted: Collection[UUID]) -> None:
        """Admit of these what may be tried beside those that are hosted and still on trial."""
        now = time.monotonic()
        self._tried = {id: kept for id, kept in self._tried.items() if id in hosted and kept[0] > now}
        self.admitted = {}
        many, most = len(self._tried), min((kept[1] for kept in self._tried.values()), default=math.inf)
        for id, losses in suspects:
            if many < min(most, room(losses)):
                many, most = many + 1, min(most, room(losses))
                self.admitted[id] = losses

    def claimed(self, ids: Iterable[UUID]) -> None:
        """These were claimed: suspects among them are on trial from now on."""
        until = time.monotonic() + TRIAL_SECONDS
        for id in ids:
            if losses := self.admitted.pop(id, None):
                self._tried[id] = until, room(losses)


def parameters(lease_seconds: float) -> dict[str, Any]:
    """For BLAMED."""
    return {"within": LOST_SECONDS, "suspicious": SUSPICIOUS, "trial": TRIAL_SECONDS + lease_seconds}
