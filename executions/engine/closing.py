"""What is over: the news that nothing more can come travels down the graph behind the values.

A unit (a node outside cycles, or the nodes of a cycle) is closed at a path when no run of it is active below that path
and no link can bring it anything there. That closes the links to its sinks at this path, and so on. Only the path
lengths that matter are counted: 0 for every unit (a closed unit that never ran is skipped), and those at which a
Collect or Gather further on waits. Every link is closed once per path, so all of it costs what the links cost.
"""

from collections import deque
from collections.abc import Callable
from typing import Final

from executions.engine.commands import Path
from executions.engine.tables import Endings, LinkPlan, Outer, Plan, Stream

#: A unit, the position of a path length in its `depths`, and a path of that length.
Place = tuple[int, int, Path]

#: In place of a count: nothing more can happen there, but not all was told yet that this means.
_CLOSING: Final = -1
#: In place of a count: nothing more can happen there, and Collects and Gathers have got their runs.
_CLOSED: Final = -2


class Closing:
    """Counts of one execution: of a unit's active runs and open links, for each path that matters."""

    __slots__ = (
        "_alive",
        "_deep",
        "_links",
        "_on_closed_link",
        "_on_closed_unit",
        "_owed",
        "_queue",
        "_units",
        "_waiting",
    )

    def __init__(
        self,
        plan: Plan,
        *,
        on_closed_link: Callable[[LinkPlan, Path], None],
        on_closed_unit: Callable[[int, int, Path], None],
    ) -> None:
        self._units = plan.units
        self._on_closed_link = on_closed_link
        #: Called with unit, position of the path length, path.
        self._on_closed_unit = on_closed_unit
        #: For path (): almost all there is to count in most graphs.
        self._alive = list(plan.open_links)
        #: For longer paths, by the position of their length in the unit's `depths`.
        self._deep: dict[int, tuple[dict[Path, int], ...]] = {
            number: tuple({} for _ in plan.units[number].depths[:-1]) for number in plan.deep_units
        }
        #: Items that one stream of a node has and another one may still yield.
        self._owed: set[tuple[Stream, Path]] = set()
        #: Source and path -> the places that can only be closed after it.
        self._waiting: dict[tuple[int | Stream, Path], list[Place]] = {}
        self._queue: deque[Place] = deque()

    def start(self) -> None:
        """Close what nothing can reach: call when the first runs were begun."""
        for unit, count in enumerate(self._alive):
            if not count:
                self._try_close(unit, len(self._units[unit].depths) - 1, ())

    def begin(self, unit: int, path: Path) -> None:
        """A run became active."""
        self._alive[unit] += 1
        if unit in self._deep:
            plan = self._units[unit]
            for position, counts in enumerate(self._deep[unit]):
                place = path[: plan.depths[position]]
                counts[place] = counts.get(place, plan.links[position]) + 1

    def expect(self, unit: int, path: Path) -> None:
        """Runs may come below this path, or none: its end is asked for all the same."""
        depths = self._units[unit].depths
        if len(path) in depths:
            position = depths.index(len(path))
            counts = self._deep[unit][position]
            if path not in counts:
                counts[path] = self._units[unit].links[position]
                self._try_close(unit, position, path)

    def end(self, unit: int, path: Path) -> None:
        """A run has ended; longer paths first, so that a path is closed before the ones around it."""
        if unit in self._deep:
            plan = self._units[unit]
            for position in range(len(plan.depths) - 1):
                self._lower(unit, position, path[: plan.depths[position]])
        self._lower(unit, -1, ())

    def owe(self, stream: Stream, path: Path) -> None:
        """Another stream of the node has this item, this one not yet."""
        self._owed.add((stream, path))

    def pass_item(self, stream: Stream, endings: Endings, path: Path) -> None:
        """Nothing more comes on this stream for this item: it was yielded, or will not be."""
        for link in endings.gates:
            self._on_closed_link(link, path)
        self._owed.discard((stream, path))
        self._tell(stream, endings, path)

    def settle(self) -> None:
        """Pass on what was closed, in order."""
        queue = self._queue
        while queue:
            unit, position, path = queue.popleft()
            plan = self._units[unit]
            endings = plan.endings[position]
            for link in endings.gates:
                self._on_closed_link(link, path)
            self._mark(unit, position, path, _CLOSED)
            self._tell(unit, endings, path)
            if not path or plan.quiets[position]:
                self._on_closed_unit(unit, position, path)

    def abandon(self) -> None:
        """Forget what was to be passed on: the execution stops."""
        self._queue.clear()

    def _tell(self, source: int | Stream, endings: Endings, path: Path) -> None:
        """A source is closed at a path and all runs that this makes have begun: longer paths close, then this one."""
        if self._waiting:
            # A path may have been told to wait before a longer one, of a run that began meanwhile.
            for place in sorted(self._waiting.pop((source, path), ()), key=_longest_first):
                self._try_close(*place)
        for unit, position in endings.counts:
            self._lower(unit, position, path)

    def _lower(self, unit: int, position: int, path: Path) -> None:
        if not path:
            left = self._alive[unit] = self._alive[unit] - 1
        else:
            counts = self._deep[unit][position]
            left = counts[path] = counts.get(path, self._units[unit].links[position]) - 1
        if not left:
            self._try_close(unit, position, path)

    def _try_close(self, unit: int, position: int, path: Path) -> None:
        if (self._alive[unit] if not path else self._deep[unit][position].get(path)) != 0:
            return
        for outer in self._units[unit].outers[position]:
            if not self._is_closed(outer, path[: outer.depth]):
                key = (outer.unit if outer.stream is None else outer.stream, path[: outer.depth])
                self._waiting.setdefault(key, []).append((unit, position, path))
                return
        self._mark(unit, position, path, _CLOSING)
        self._queue.append((unit, position, path))

    def _mark(self, unit: int, position: int, path: Path, mark: int) -> None:
        if path:
            self._deep[unit][position][path] = mark
        else:
            self._alive[unit] = mark

    def _is_closed(self, outer: Outer, path: Path) -> bool:
        if outer.stream is not None:
            return (outer.stream, path) not in self._owed
        if not path:
            return self._alive[outer.unit] == _CLOSED
        return self._deep[outer.unit][outer.position].get(path) == _CLOSED


def _longest_first(place: Place) -> int:
    return -len(place[2])
