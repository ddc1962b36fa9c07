"""What changes about a node and about a run while a graph runs."""

from collections import deque

from executions.engine.commands import Path, Run
from executions.engine.matching import Gate, Inbox
from executions.engine.tables import NodePlan


class NodeState:
    """What changes about a node while a graph runs; made when it is first needed."""

    __slots__ = ("gates", "inbox", "lacks", "next_items", "ordinals", "parked", "running")

    def __init__(self, plan: NodePlan) -> None:
        self.inbox = Inbox(plan.slots)
        self.gates = {number: Gate(slot) for number, slot in enumerate(plan.slots) if slot.waits}
        #: Runs so far by path, where there may be several.
        self.ordinals: dict[Path, int] = {}
        #: The next item's number by path, where several runs share the numbering.
        self.next_items: dict[Path, int] = {}
        self.running = 0
        #: Ready runs held back by the node's own limit.
        self.parked: deque[Run] = deque()
        #: Slot -> the part that a value did not have.
        self.lacks: dict[int, str] = {}


class Items:
    """The items of one run of a stream node."""

    __slots__ = ("numbers", "yielded")

    def __init__(self) -> None:
        #: j-th item of this run -> its number in the loop; runs at one path share the numbering.
        self.numbers: list[int] = []
        #: Items yielded so far, by port.
        self.yielded: dict[str, int] = {}
