"""How far a client is and whether it may be sent more: credit by acknowledgement, so that no buffer grows."""

from collections import deque
from dataclasses import dataclass, field

#: Frames that may be under way; what happens meanwhile is coalesced into the next one.
MOST_UNACKNOWLEDGED = 2
#: A client that stays silent for so long is told to come back.
PATIENCE_SECONDS = 30.0
#: Transient messages between two acknowledgements; the next frame then asks for one.
MOST_TRANSIENT = 200


class FlowError(ValueError):
    """The client acknowledged what it was never sent."""


@dataclass(slots=True)
class Flow:
    """One client's position in one execution; times are given, in seconds of any steady clock."""

    since: int
    transients: int = 0
    #: (seq, when it was sent) of the frames under way, oldest first.
    _under_way: deque[tuple[int, float]] = field(default_factory=deque)
    _newest: int = 0

    @property
    def may_send(self) -> bool:
        """Another frame may go."""
        return len(self._under_way) < MOST_UNACKNOWLEDGED

    @property
    def may_send_transient(self) -> bool:
        """Another message that nobody acknowledges may go."""
        return self.may_send and self.transients < MOST_TRANSIENT

    @property
    def wants_acknowledgement(self) -> bool:
        """So much was sent unasked that a frame should go only to be acknowledged."""
        return self.transients >= MOST_TRANSIENT and not self._under_way

    def sent(self, seq: int, now: float) -> None:
        """A frame up to `seq` is on its way."""
        self._under_way.append((seq, now))
        self.since = seq
        self._newest = max(self._newest, seq)

    def acknowledged(self, seq: int) -> None:
        """The client has drawn everything up to `seq`; raises FlowError for a number that was never sent."""
        if seq > max(self._newest, self.since):
            raise FlowError
        while self._under_way and self._under_way[0][0] <= seq:
            self._under_way.popleft()
        self.transients = 0

    def resume(self, seq: int) -> None:
        """The client asks for everything after `seq` again."""
        self._under_way.clear()
        self.since, self.transients = seq, 0

    def is_overdue(self, now: float) -> bool:
        """The oldest frame under way has waited too long."""
        return bool(self._under_way) and now - self._under_way[0][1] >= PATIENCE_SECONDS

    def deadline(self) -> float | None:
        """When the oldest frame under way will be overdue."""
        return self._under_way[0][1] + PATIENCE_SECONDS if self._under_way else None
