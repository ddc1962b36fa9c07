"""What one execution has to write next: the newest state of its rows, each change numbered by `seq`."""

import asyncio
from collections.abc import Callable, Mapping
from copy import copy
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from executions.engine.status import Status
from executions.values import Encoded

#: A ledger with so many rows or bytes that are not written yet is full: whoever yields more must wait.
MOST_ROWS = 1_000
MOST_BYTES = 8_000_000


#: An execution and the epoch under which it may be written.
Right = tuple[UUID, int]


class Fenced(Exception):
    """Another worker holds the execution now: stop at once and write nothing."""


class Unrecordable(Exception):
    """The database refuses a row of this execution; the message says why."""


@dataclass(slots=True)
class NodeRow:
    """The state of one node execution; written when `seq` is newer than what was written."""

    id: UUID
    node: str
    block: str
    path: tuple[int, ...]
    ordinal: int
    arrivals: list[list[int]]
    status: Status = Status.QUEUED
    attempt: int = 1
    error: dict[str, Any] | None = None
    log: list[list[Any]] = field(default_factory=list)
    #: By key; see `executions.waits`.
    waits: dict[str, dict[str, Any]] = field(default_factory=dict)
    usage: dict[str, Any] = field(default_factory=dict)
    reused: bool = False
    pinned: bool = False
    queued_at: datetime | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    seq: int = 0


@dataclass(frozen=True, slots=True)
class OutputRow:
    """One yielded value."""

    seq: int
    node_execution_id: UUID
    index: int
    port: str
    value: Encoded


@dataclass(frozen=True, slots=True)
class ApprovalRow:
    """A question to a person."""

    id: UUID
    node_execution_id: UUID
    kind: str
    instructions: str
    payload: Encoded


@dataclass(frozen=True, slots=True)
class ChargeRow:
    """What one node execution costs, now that it is over; also nothing, which frees what was reserved for it."""

    node_execution_id: UUID
    owner: int
    graph: int
    node: str
    block: str
    amount: Decimal
    seconds: float
    usage: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Parking:
    """The execution leaves its worker because all that is left of it waits."""

    #: When somebody must look again; None: whoever answers wakes it.
    wake_at: datetime | None
    #: Ids of the approvals and of the executions that it waits for.
    awaited: tuple[UUID, ...]


@dataclass(frozen=True, slots=True)
class Ending:
    """How an execution ends."""

    status: Status
    reason: str
    error: dict[str, Any] | None
    outputs: Encoded
    started_at: datetime
    ended_at: datetime


@dataclass(slots=True)
class Batch:
    """What one transaction writes of one execution."""

    nodes: list[NodeRow]
    outputs: list[OutputRow]
    approvals: list[ApprovalRow]
    charges: list[ChargeRow]
    seq: int
    counts: Mapping[str, int]
    ending: Ending | None
    parking: Parking | None
    waiters: list[asyncio.Future[None]]

    @property
    def is_empty(self) -> bool:
        """Nothing to write; waiters may still wait."""
        return not (self.nodes or self.outputs or self.ending or self.parking)


class Ledger:
    """Numbers the events of one execution and collects what is not written yet."""

    def __init__(
        self,
        execution: UUID,
        graph: int,
        epoch: int,
        seq: int,
        *,
        counts: Callable[[], Mapping[str, int]] = dict,
        failed: Callable[[], None] = lambda: None,
        cancelled: Callable[[], None] = lambda: None,
    ) -> None:
        self.execution = execution
        self.graph = graph
        self.epoch = epoch
        self.seq = seq
        #: Why nothing more can be written.
        self.broken: Fenced | Unrecordable | None = None
        #: It has asked people or started other graphs: whatever is open of that ends with it.
        self.has_others = False
        self._counts = counts
        self._failed = failed
        #: To be called when a write finds that somebody wants the execution to end.
        self.cancelled = cancelled
        self._nodes: dict[UUID, NodeRow] = {}
        self._outputs: list[OutputRow] = []
        self._approvals: list[ApprovalRow] = []
        self._charges: list[ChargeRow] = []
        self._bytes = 0
        self._ending: Ending | None = None
        self._parking: Parking | None = None
        self._waiters: list[asyncio.Future[None]] = []

    @property
    def right(self) -> Right:
        """What the database must agree to before anything of this is written."""
        return self.execution, self.epoch

    def next_seq(self) -> int:
        """The number of the next event."""
        self.seq += 1
        return self.seq

    def put_node(self, row: NodeRow) -> None:
        """The row changed; states between two writes are not written."""
        row.seq = self.next_seq()
        self._nodes[row.id] = row

    def put_output(self, row: OutputRow) -> None:
        """A value was yielded; its `seq` is from `next_seq`."""
        self._outputs.append(row)
        self._bytes += len(row.value.text)

    def put_approval(self, row: ApprovalRow) -> None:
        """Somebody is asked; the node's row that waits for it must follow."""
        self._approvals.append(row)
        self.has_others = True

    def put_charge(self, row: ChargeRow) -> None:
        """A node execution that is paid for has ended; its row with the end must follow, or be there."""
        self._charges.append(row)

    def put_parking(self, parking: Parking) -> None:
        """The execution leaves its worker; nothing follows."""
        self._parking = parking

    def put_ending(self, ending: Ending) -> None:
        """The execution is over; nothing follows, and it need not leave its worker first."""
        self._ending, self._parking = ending, None
        self.next_seq()

    @property
    def is_clean(self) -> bool:
        """Everything so far is written or being written."""
        return not (self._nodes or self._outputs or self._ending or self._parking or self._waiters)

    @property
    def is_full(self) -> bool:
        """Who adds more should wait until this much is written."""
        return len(self._nodes) + len(self._outputs) >= MOST_ROWS or self._bytes >= MOST_BYTES

    def wait(self, future: asyncio.Future[None]) -> None:
        """Resolve the future when everything so far is durable."""
        self._waiters.append(future)

    def take(self) -> Batch:
        """What to write now; the ledger starts anew."""
        # Rows go on changing while the transaction runs: the batch keeps its own copies.
        nodes = [copy(row) for row in self._nodes.values()]
        batch = Batch(
            nodes,
            self._outputs,
            self._approvals,
            self._charges,
            self.seq,
            self._counts(),
            self._ending,
            self._parking,
            self._waiters,
        )
        self._nodes, self._outputs, self._approvals, self._charges, self._bytes = {}, [], [], [], 0
        self._ending, self._parking, self._waiters = None, None, []
        return batch

    def give_back(self, batch: Batch) -> None:
        """The batch could not be written now: it comes before whatever was added since."""
        self._nodes = {row.id: row for row in batch.nodes} | self._nodes
        self._outputs = batch.outputs + self._outputs
        self._approvals = batch.approvals + self._approvals
        self._charges = batch.charges + self._charges
        self._bytes += sum(len(row.value.text) for row in batch.outputs)
        self._ending = self._ending or batch.ending
        self._parking = None if self._ending else self._parking or batch.parking
        self._waiters = batch.waiters + self._waiters

    def fail(self, error: Fenced | Unrecordable, batch: Batch) -> None:
        """Nothing of this execution can be written any more, neither the batch nor what follows."""
        self.broken = error
        for future in [*batch.waiters, *self.take().waiters]:
            if not future.done():
                future.set_exception(error)
        self._failed()
