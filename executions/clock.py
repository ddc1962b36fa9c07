"""The time by the database's clock, which all workers share: a jump of this machine's own clock moves nothing."""

import time
from datetime import UTC, datetime


class DatabaseClock:
    """Follows the database's clock between two looks at it with the monotonic one.

    A look tells a range, because the database read its clock at some moment between question and answer. An offset
    inside the range is kept, so that small delays do not make time go back and forth.
    """

    def __init__(self) -> None:
        #: Seconds to add to the monotonic clock; until the first look, what this machine's own clock says.
        self._offset = time.time() - time.monotonic()

    def now(self) -> datetime:
        """The time, aware."""
        return datetime.fromtimestamp(time.monotonic() + self._offset, UTC)

    def learn(self, moment: datetime, *, asked_at: float, answered_at: float) -> None:
        """The database's clock read `moment` between these two readings of the monotonic one."""
        lowest, highest = moment.timestamp() - answered_at, moment.timestamp() - asked_at
        self._offset = min(max(self._offset, lowest), highest)


#: That of this process; the recorder teaches it with every renewal of the lease.
clock = DatabaseClock()


def now() -> datetime:
    """The time by the database's clock, aware."""
    return clock.now()
