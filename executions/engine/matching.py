"""Which values meet: the inbox of a node turns values that arrive into the inputs of runs."""

from collections.abc import Iterable, Iterator, Sequence
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


class Meeting:
    """Values of some of a node's slots, all of the same loops: a match for every set of values at one path, first in, first out."""

    __slots__ = ("_cells", "_plans", "_slots")

    def __init__(self, plans: tuple[SlotPlan, ...], slots: Sequence[int]) -> None:
        self._plans = plans
        self._slots = slots
        self._cells: dict[Path, Cell] = {}

    def put(self, slot: int, path: Path, item: Item) -> Iterator[Match] | list[Match]:
        """The matches that this value completes; the items of other slots are left empty."""
        cell = self._cells.get(path)
        if cell is None:
            cell = self._cells[path] = Cell(len(self._plans))
            cell.missing = len(self._slots)
        if slot in cell.used:
            cell.used.discard(slot)
            cell.queues[slot][0] = item
        else:
            queue = cell.queues[slot]
            queue.append(item)
            if len(queue) == 1:
                cell.missing -= 1
        return self._complete(path, cell) if not cell.missing else []

    def lacking(self) -> int | None:
        """The first slot that missed a path where others had values; None: no values are left."""
        for path in sorted(self._cells):
            queues = self._cells[path].queues
            for slot in self._slots:
                if not queues[slot]:
                    return slot
        return None

    def _complete(self, path: Path, cell: Cell) -> Iterator[Match]:
        while not cell.missing:
            yield path, self._take(cell)
        if cell.missing == len(self._slots):
            self._cells.pop(path, None)

    def _take(self, cell: Cell) -> tuple[Item, ...]:
        items: list[Item] = []
        for slot, queue in enumerate(cell.queues):
            if not queue:  # filled in by whoever has the other slots
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


class Crossing:
    """Every combination of the items of several loops that have the path around them in common.

    Item i of the first loop and item j of the second one meet at (…, i, j).
    """

    __slots__ = ("_depth", "_loops", "_met", "_opened", "_paths", "_place")

    def __init__(self, plans: tuple[SlotPlan, ...]) -> None:
        loops: list[list[int]] = [[] for _ in range(1 + max(plan.crossed for plan in plans))]
        for slot, plan in enumerate(plans):
            if plan.crossed >= 0:
                loops[plan.crossed].append(slot)
        self._place = [plan.crossed for plan in plans]
        #: Length of the path around the loops.
        self._depth = plans[loops[0][0]].depth - 1
        self._loops = [Meeting(plans, slots) for slots in loops]
        #: For each loop: the path around it -> what has met there.
        self._met: list[dict[Path, list[Match]]] = [{} for _ in loops]
        #: For each loop: the items of which all values have met.
        self._paths: list[set[Path]] = [set() for _ in loops]
        #: Of three loops and more: combinations of the first ones, around which the others are repeated.
        self._opened: list[Path] = []

    def put(self, slot: int, path: Path, item: Item) -> Iterator[Match]:
        """The combinations that this value completes."""
        place = self._place[slot]
        for match in self._loops[place].put(slot, path, item):
            around = match[0][: self._depth]
            if match[0] not in self._paths[place]:
                self._paths[place].add(match[0])
                self._open(place, match[0])
            self._met[place].setdefault(around, []).append(match)
            choices = [met.get(around, ()) for met in self._met]
            choices[place] = [match]
            for combination in product(*choices):
                numbers = tuple(inner[self._depth] for inner, _ in combination)
                yield (*around, *numbers), _merged([items for _, items in combination])

    def _open(self, place: int, path: Path) -> None:
        """Note the combinations of this item with those of the other first loops; of two loops there is nothing to note."""
        around = path[: self._depth]
        for size in range(max(2, place + 1), len(self._loops)):
            choices = [{match[0][-1] for match in met.get(around, ())} for met in self._met[:size]]
            choices[place] = {path[-1]}
            self._opened += [(*around, *numbers) for numbers in product(*choices)]

    def opened(self) -> list[Path]:
        """The combinations of the first loops that are new since the last call."""
        opened, self._opened = self._opened, []
        return opened

    def met(self, place: int, path: Path) -> bool:
        """The loops before this one have the items that the path names."""
        around = path[: self._depth]
        return all((*around, path[self._depth + before]) in self._paths[before] for before in range(place))

    def lacking(self) -> int | None:
        """The first slot that missed an item of its loop; None: none did."""
        found = [slot for loop in self._loops if (slot := loop.lacking()) is not None]
        return min(found, default=None)


class Inbox:
    """Values of a node's slots: a run for every set of values at one path, first in, first out.

    Values of SHARE slots come from outside a loop: they meet every path that starts with theirs, early or late.
    """

    __slots__ = ("_got", "_meeting", "_plans", "_shared", "_sharing", "_waiting")

    def __init__(self, plans: tuple[SlotPlan, ...]) -> None:
        self._plans = plans
        self._got: set[int] = set()
        straight = tuple(slot for slot, plan in enumerate(plans) if plan.take is not Take.SHARE)
        crosses = any(plan.crossed >= 0 for plan in plans)
        self._meeting: Meeting | Crossing = Crossing(plans) if crosses else Meeting(plans, straight)
        self._sharing = tuple(slot for slot, plan in enumerate(plans) if plan.take is Take.SHARE)
        self._shared: dict[int, dict[Path, list[Item]]] = {slot: {} for slot in self._sharing}
        #: Sets of the other slots' values that a further value of this slot would complete.
        self._waiting: dict[int, dict[Path, list[Match]]] = {slot: {} for slot in self._sharing}

    def put(self, slot: int, path: Path, item: Item) -> Iterable[Match]:
        """The runs that this value completes."""
        self._got.add(slot)
        if self._plans[slot].take is Take.SHARE:
            return self._share(slot, path, item)
        matches = self._meeting.put(slot, path, item)
        return self._with_shared(matches) if self._sharing else matches

    def met(self, place: int, path: Path) -> bool:
        """Of loops that are crossed: those before this one have the items that the path names."""
        return isinstance(self._meeting, Crossing) and self._meeting.met(place, path)

    def opened(self) -> list[Path]:
        """Of three and more loops that are crossed: new paths around the inner ones."""
        return self._meeting.opened() if isinstance(self._meeting, Crossing) else []

    def lacking(self) -> int:
        """The slot that kept the node from running: the first that got nothing, else the first that missed a path."""
        for slot in range(len(self._plans)):
            if slot not in self._got:
                return slot
        missed = self._meeting.lacking()
        return missed if missed is not None else self._sharing[0] if self._sharing else 0

    def _with_shared(self, matches: Iterable[Match]) -> Iterator[Match]:
        for path, items in matches:
            for slot in self._sharing:
                prefix = path[: self._plans[slot].depth]
                if self._plans[slot].several or prefix not in self._shared[slot]:
                    self._waiting[slot].setdefault(prefix, []).append((path, items))
            yield from self._combine(path, items)

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


def _merged(parts: Sequence[tuple[Item, ...]]) -> tuple[Item, ...]:
    """The items of all parts: of each slot what the one part that has it has."""
    return tuple(next((item for item in items if item is not _EMPTY), _EMPTY) for items in zip(*parts, strict=True))


_EMPTY = Bundle((), ())
