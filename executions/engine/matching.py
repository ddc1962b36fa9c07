"""Which values meet: the inbox of a node turns values that arrive into the inputs of runs."""

from collections.abc import Iterator
from itertools import product
from operator import itemgetter
from typing import NamedTuple

from blocks.base import PortKind
from executions.engine.commands import Arrival, Path
from executions.engine.tables import SlotPlan, Take


class Bundle(NamedTuple):
    """All values of one Collect or Gather."""

    arrivals: tuple[Arrival, ...]
    #: Item numbers for a Collect, link numbers for a Gather.
    numbers: tuple[int, ...]


Item = Arrival | Bundle
#: The path of a run to be and its items, by slot.
Match = tuple[Path, tuple[Item, ...]]


class Gate:
    """Values of a Collect or Gather slot, held back until nothing more can come.

    A Collect holds the values of one loop under the path outside it, a Gather the values of one path.
    """

    __slots__ = ("_depth", "_held", "_is_collect", "_links", "_open")

    def __init__(self, plan: SlotPlan) -> None:
        self._depth = plan.depth
        self._links = len(plan.links)
        self._is_collect = plan.kind is PortKind.COLLECT
        self._open: dict[Path, int] = {}
        self._held: dict[Path, list[tuple[int, int, int, Arrival]]] = {}

    def put(self, path: Path, arrival: Arrival, *, place: int, ordinal: int) -> None:
        """Hold a value that came over the slot's link number `place` from a run with this ordinal."""
        number = path[-1] if self._is_collect else place
        self._held.setdefault(path[: self._depth], []).append((number, place, ordinal, arrival))

    def close(self, path: Path) -> bool:
        """One more link brings nothing more to this path; true when it was the last one."""
        left = self._open.get(path, self._links) - 1
        self._open[path] = left
        return left == 0

    def take(self, path: Path) -> Bundle:
        """The values held for this path: by item, then link, then ordinal."""
        held = sorted(self._held.pop(path, ()), key=itemgetter(0, 1, 2))
        return Bundle(tuple(entry[3] for entry in held), tuple(entry[0] for entry in held))


class Cell:
    """What waits at one path: a queue for each slot."""

    __slots__ = ("missing", "queues", "used")

    def __init__(self, size: int) -> None:
        self.queues: list[list[Item]] = [[] for _ in range(size)]
        self.missing = size
        #: KEEP slots whose value was already in a run.
        self.used: set[int] = set()


class Inbox:
    """Values of a node's slots: a run for every set of values at one path, first in, first out.

    Values of SHARE slots come from outside a loop: they meet every path that starts with theirs, early or late.
    """

    __slots__ = ("_cells", "_got", "_plans", "_shared", "_sharing", "_straight", "_waiting")

    def __init__(self, plans: tuple[SlotPlan, ...]) -> None:
        self._plans = plans
        self._cells: dict[Path, Cell] = {}
        self._got: set[int] = set()
        self._straight = tuple(slot for slot, plan in enumerate(plans) if plan.take is not Take.SHARE)
        self._sharing = tuple(slot for slot, plan in enumerate(plans) if plan.take is Take.SHARE)
        self._shared: dict[int, dict[Path, list[Item]]] = {slot: {} for slot in self._sharing}
        #: Sets of the other slots' values that a further value of this slot would complete.
        self._waiting: dict[int, dict[Path, list[Match]]] = {slot: {} for slot in self._sharing}

    def put(self, slot: int, path: Path, item: Item) -> Iterator[Match] | list[Match]:
        """The runs that this value completes."""
        self._got.add(slot)
        if self._plans[slot].take is Take.SHARE:
            return self._share(slot, path, item)
        cell = self._cells.get(path)
        if cell is None:
            cell = self._cells[path] = Cell(len(self._plans))
            cell.missing = len(self._straight)
        if slot in cell.used:
            cell.used.discard(slot)
            cell.queues[slot][0] = item
        else:
            queue = cell.queues[slot]
            queue.append(item)
            if len(queue) == 1:
                cell.missing -= 1
        return self._complete(path, cell) if not cell.missing else []

    def lacking(self) -> int:
        """The slot that kept the node from running: the first that got nothing, else the first that missed a path."""
        for slot in range(len(self._plans)):
            if slot not in self._got:
                return slot
        for path in sorted(self._cells):
            queues = self._cells[path].queues
            for slot in self._straight:
                if not queues[slot]:
                    return slot
        return self._sharing[0] if self._sharing else 0

    def _complete(self, path: Path, cell: Cell) -> Iterator[Match]:
        while not cell.missing:
            items = self._take(cell)
            if not self._sharing:
                yield path, items
                continue
            for slot in self._sharing:
                prefix = path[: self._plans[slot].depth]
                if self._plans[slot].several or prefix not in self._shared[slot]:
                    self._waiting[slot].setdefault(prefix, []).append((path, items))
            yield from self._combine(path, items)
        if cell.missing == len(self._straight):
            self._cells.pop(path, None)

    def _take(self, cell: Cell) -> tuple[Item, ...]:
        items: list[Item] = []
        for slot, queue in enumerate(cell.queues):
            if not queue:  # a SHARE slot: filled in by _combine
                items.append(_EMPTY)
                continue
            items.append(queue[0])
            if self._plans[slot].take is Take.KEEP and len(queue) == 1:
                cell.used.add(slot)
                continue
            del queue[0]
            if not queue:
                cell.missing += 1
        return tuple(items)

    def _share(self, slot: int, path: Path, item: Item) -> Iterator[Match]:
        self._shared[slot].setdefault(path, []).append(item)
        waiting = self._waiting[slot]
        matches = waiting.get(path, ()) if self._plans[slot].several else waiting.pop(path, ())
        for full_path, items in matches:
            yield from self._combine(full_path, items, slot, item)

    def _combine(
        self, path: Path, items: tuple[Item, ...], slot: int = -1, item: Item | None = None
    ) -> Iterator[Match]:
        """A run for every combination of shared values with these items; only those with `item` when it is given."""
        choices: list[list[Item]] = []
        for shared in self._sharing:
            found = [item] if shared == slot and item else self._shared[shared].get(path[: self._plans[shared].depth])
            if not found:
                return
            choices.append(found)
        for combination in product(*choices):
            full = list(items)
            for shared, value in zip(self._sharing, combination, strict=True):
                full[shared] = value
            yield path, tuple(full)


_EMPTY = Bundle((), ())
