"""Loops that work on some items at once: items beyond the limit are held back until an earlier item is quiet."""

from collections import deque
from collections.abc import Callable
from typing import Any, NamedTuple

from executions.engine.closing import Closing
from executions.engine.commands import Path, Run
from executions.engine.tables import NodePlan, OutPlan, Throttle


class Emission(NamedTuple):
    """A value that a stream yielded; without a run: the news that the stream will not yield this item."""

    out: OutPlan
    path: Path
    run: Run | None = None
    value: Any = None
    parts: list[Any] | None = None
    ref: int = 0


class _Window:
    """The items of one loop that are worked on, and those that are not yet."""

    __slots__ = ("active", "held")

    def __init__(self) -> None:
        self.active = 0
        self.held: deque[Path] = deque()


class Windows:
    """The throttled loops of one execution."""

    __slots__ = ("_closing", "_held", "_left", "_release", "_windows")

    def __init__(self, closing: Closing, *, release: Callable[[Emission], None]) -> None:
        self._closing = closing
        self._release = release
        #: Node and the path of its run -> the loop.
        self._windows: dict[tuple[int, Path], _Window] = {}
        #: Node and item -> what was yielded for it while it is held back.
        self._held: dict[tuple[int, Path], list[Emission]] = {}
        #: Node and item -> units that are not over for it.
        self._left: dict[tuple[int, Path], int] = {}

    def begin(self, node: NodePlan, throttle: Throttle, run: Run, path: Path) -> None:
        """A new item of the node's loop."""
        window = self._windows.setdefault((node.number, run.path), _Window())
        limit = _limit(node, throttle, run)
        if window.active < limit or not limit:
            window.active += 1
            self._left[node.number, path] = throttle.body
        else:
            window.held.append(path)
            self._held[node.number, path] = []
            self._closing.begin(throttle.unit, run.path)

    def holds(self, node: NodePlan, emission: Emission) -> bool:
        """Keep what was yielded for an item that is held back; false when it is not."""
        held = self._held.get((node.number, emission.path))
        if held is not None:
            held.append(emission)
        return held is not None

    def quiet(self, node: NodePlan, throttle: Throttle, path: Path) -> None:
        """One more unit is over for an item; after the last one the next item begins."""
        left = self._left[node.number, path] = self._left[node.number, path] - 1
        if left:
            return
        del self._left[node.number, path]
        window = self._windows[node.number, path[:-1]]
        window.active -= 1
        if window.held:
            following = window.held.popleft()
            window.active += 1
            self._left[node.number, following] = throttle.body
            for emission in self._held.pop((node.number, following)):
                self._release(emission)
            self._closing.end(throttle.unit, following[:-1])


def _limit(node: NodePlan, throttle: Throttle, run: Run) -> int:
    """Items at once: as linked, else as configured."""
    for arrival in run.arrivals if throttle.slot >= 0 else ():
        link = next(link for link in node.links_in if link.index == arrival.link)
        if link.slot == throttle.slot:
            return int(link.target.convert(arrival.value))
    return throttle.at_once
