"""What a worker counts while it works: plain numbers on its event loop, which `totals` stores with its lease."""

from collections import defaultdict, deque
from collections.abc import Iterable, Mapping
from time import monotonic, thread_time
from typing import TYPE_CHECKING, Any

from executions.engine.status import Status
from executions.histogram import ROWS, Histogram

if TYPE_CHECKING:  # web processes, which only add up, need nothing of the worker's
    from executions.ledger import Batch, Ending, Ledger, NodeRow
    from executions.store import Claim

#: What "recent" means.
RECENT_SECONDS = 60.0

#: By metric, by labels joined with `|`: a number, or a histogram (`Histogram.as_json`).
Counts = Mapping[str, Mapping[str, Any]]


class BlockGauge:
    """Node executions of one block."""

    __slots__ = ("cancelled", "completed", "cost", "failed", "seconds", "skipped")

    def __init__(self) -> None:
        self.cost = 0.0
        self.completed = self.failed = self.cancelled = self.skipped = 0
        self.seconds = Histogram()

    def count(self, status: Status) -> None:
        """One ended so, but not well."""
        if status is Status.FAILED:
            self.failed += 1
        elif status is Status.SKIPPED:
            self.skipped += 1
        else:
            self.cancelled += 1


class Gauges:
    """The figures of one worker since its start; about a microsecond a node, all of it on the worker's loop."""

    def __init__(self) -> None:
        self._blocks: defaultdict[str, BlockGauge] = defaultdict(BlockGauge)
        self._ended: defaultdict[str, int] = defaultdict(int)
        self._node_wait = Histogram()
        self._execution_wait = Histogram()
        self._execution_seconds = Histogram()
        self._flush_seconds = Histogram()
        self._flush_rows = Histogram(ROWS)
        self._nodes = 0
        self._executions = 0
        #: Times and counts so far at the last looks, for what is recent.
        self._looks: deque[tuple[float, int, int]] = deque([(monotonic(), 0, 0)])
        #: Seconds in which the engine decided what comes next and its commands were carried out.
        self.engine_seconds = 0.0
        self.renewals = 0
        #: Executions of workers that were lost, found by this one's sweeper; taken up here; handed over by this one.
        self.lost = 0
        self.resumed = 0
        self.handed_over = 0

    @property
    def flushes(self) -> int:
        """Transactions written."""
        return self._flush_rows.count

    def claimed(self, claims: "Iterable[Claim]") -> None:
        """These are hosted from now on."""
        for claim in claims:
            self._execution_wait.observe(claim.waited_seconds)
            self.resumed += claim.is_resumed

    def flushed(self, written: "Iterable[tuple[Ledger, Batch]]", seconds: float) -> None:
        """One transaction took so long; only what is durable counts."""
        rows = 0
        for _, batch in written:
            rows += len(batch.nodes) + len(batch.outputs)
            for row in batch.nodes:
                if row.ended_at is not None:
                    self._node(row)
            for charge in batch.charges:
                self._blocks[charge.block].cost += float(charge.amount)
            if batch.ending is not None:
                self._ending(batch.ending)
        self._flush_seconds.observe(seconds)
        self._flush_rows.observe(rows)

    def _node(self, row: "NodeRow") -> None:
        block = self._blocks[row.block]
        if row.status is Status.COMPLETED:
            block.completed += 1
        else:
            block.count(row.status)
        self._nodes += 1
        started, ended, queued = row.started_at, row.ended_at, row.queued_at
        if started and ended and not (row.reused or row.pinned):
            block.seconds.observe((ended - started).total_seconds())
            if queued:
                self._node_wait.observe((started - queued).total_seconds())

    def _ending(self, ending: "Ending") -> None:
        self._ended[f"{ending.status.value}|{ending.reason}"] += 1
        self._executions += 1
        self._execution_seconds.observe((ending.ended_at - ending.started_at).total_seconds())

    def counts(self) -> Counts:
        """Everything so far; called on the loop's thread, whose processor time belongs to it."""
        return {
            "executions_ended": dict(self._ended),
            "execution_seconds": {"": self._execution_seconds.as_json()},
            "execution_wait_seconds": {"": self._execution_wait.as_json()},
            "node_executions": self._nodes_by_status(),
            "node_seconds": {name: block.seconds.as_json() for name, block in self._blocks.items()},
            "cost_usd": {name: round(block.cost, 6) for name, block in self._blocks.items() if block.cost},
            "node_wait_seconds": {"": self._node_wait.as_json()},
            "flush_seconds": {"": self._flush_seconds.as_json()},
            "flush_rows": {"": self._flush_rows.as_json()},
            "engine_seconds": {"": self.engine_seconds},
            "loop_seconds": {"": thread_time()},
            "lease_renewals": {"": self.renewals},
            "recoveries": {"worker_lost": self.lost, "resumed": self.resumed, "handed_over": self.handed_over},
        }

    def _nodes_by_status(self) -> dict[str, int]:
        found = {}
        for name, block in self._blocks.items():
            for status in ("completed", "failed", "cancelled", "skipped"):
                if number := getattr(block, status):
                    found[f"{status}|{name}"] = number
        return found

    def recent(self) -> dict[str, float]:
        """What ended within about the last minute, and in how many seconds that was; looks once in a while."""
        now = monotonic()
        self._looks.append((now, self._executions, self._nodes))
        while self._looks[1][0] <= now - RECENT_SECONDS:
            self._looks.popleft()
        since, executions, nodes = self._looks[0]
        return {
            "seconds": round(now - since, 3),
            "executions": self._executions - executions,
            "node_executions": self._nodes - nodes,
        }
