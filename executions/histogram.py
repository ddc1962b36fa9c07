"""A histogram of plain numbers, cheap enough for every node."""

from bisect import bisect_left
from collections.abc import Sequence

#: Upper bounds of what is told apart. Workers of two releases are added up: only append, never change.
SECONDS = (0.0001, 0.0005, 0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1_800)
ROWS = (1, 2, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000)


class Histogram:
    """How often values were up to which bound."""

    __slots__ = ("_bounds", "_numbers", "_sum")

    def __init__(self, bounds: Sequence[float] = SECONDS) -> None:
        self._bounds = bounds
        self._numbers = [0] * (len(bounds) + 1)
        self._sum = 0.0

    def observe(self, value: float) -> None:
        """One more value; a clock that went back makes no negative one."""
        if value > 0.0:
            self._sum += value
        self._numbers[bisect_left(self._bounds, value)] += 1

    @property
    def count(self) -> int:
        """How many values there were."""
        return sum(self._numbers)

    def as_json(self) -> list[float]:
        """[sum, how many were above all bounds, up to the first bound, from there to the second, …]."""
        return [self._sum, self._numbers[-1], *self._numbers[:-1]]
