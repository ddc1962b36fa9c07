"""What one run of a node waits for: a time, a person, another graph. It stands in the run's row and outlives the worker."""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, Protocol, TypeVar
from uuid import UUID

from blocks.base import BlockError, Effect
from blocks.context import Answer
from executions.charging import SECONDS
from executions.clock import now
from executions.crash_points import Point, reached
from executions.engine.commands import Command, Run
from executions.engine.plan import NodePlan
from executions.engine.scheduler import Scheduler
from executions.engine.status import Status
from executions.ids import uuid7
from executions.ledger import ApprovalRow, Ledger, NodeRow
from executions.outside import Child, Decided, Outside
from executions.texts import plain
from executions.values import encode
from executions.waited import OUTCOME, RETRY, Wait, until_of

#: Shorter waits stay on the worker's loop, and a crash begins them anew.
SHORT_SECONDS = 5.0
MAX_KEY = 200
MAX_INSTRUCTIONS = 100_000

Found = TypeVar("Found")


class Owner(Protocol):
    """The processor, as the waits of one run need it."""

    scheduler: Scheduler
    ledger: Ledger
    outside: Outside

    def decide(self, event: Callable[[], Iterable[Command]]) -> None:
        """Tell the scheduler an event and carry out what it commands."""

    def record(self) -> None:
        """Have what is in the ledger written."""

    async def flush(self) -> None:
        """Return when everything recorded so far is durable."""


class Waits:
    """The waits of one run; `NodeContext` gives them to the block."""

    def __init__(self, owner: Owner, node: NodePlan, run: Run, row: NodeRow) -> None:
        self._owner = owner
        self._node = node
        self._run = run
        self._row = row
        self._calls: Counter[str] = Counter()
        self._poked = asyncio.Event()
        self._start: asyncio.Future[None] | None = None
        #: The time limit of the attempt, which waiting does not use up.
        self.limit: asyncio.Timeout | None = None
        #: Since when the attempt works, if its time is paid for and it does not wait.
        self._works_since: float | None = None

    # What the block says

    async def sleep(self, seconds: float, key: str) -> None:
        """Return after so long."""
        if seconds <= SHORT_SECONDS:
            await asyncio.sleep(seconds)
            return
        key, wait = self._named("timer", key, lambda: {"until": _in(seconds)})
        await self._timer(key, wait)

    async def ask(self, instructions: str, payload: Any, key: str) -> Answer:
        """What a person decided."""
        key, wait = self._named(
            "approval", key, lambda: {"approval": self._approval("approval", instructions, payload)}
        )
        found = await self._decided(key, wait)
        return Answer(found.decision, found.answer, found.comment, found.by)

    async def run_graph(self, graph: int, inputs: Mapping[str, Any], key: str) -> Mapping[str, Any]:
        """The outputs of another graph's run."""
        key, wait = self._named("graph", key, lambda: {"child": str(uuid7()), "graph": graph})
        if "done" not in wait:
            self._owner.ledger.has_others = True
            self._owner.ledger.put_node(self._row)
            await self._owner.flush()  # a child that nobody knows of would run for nobody
            reached(Point.CHILD_WANTED, self._row)

        async def look() -> Child | None:
            child = await self._owner.outside.child(UUID(wait["child"]))
            if child is None:
                left = self._owner.scheduler.node_executions_left - self._row.usage.get("node_executions", 0)
                await self._owner.outside.start_child(UUID(wait["child"]), self._row.id, graph, inputs, left)
                reached(Point.CHILD_STARTED, self._row)
            return child if child and child.is_over else None

        child = await self._until(key, look)
        reached(Point.CHILD_OVER, self._row)
        if "done" not in wait:
            below = self._row.usage.get("node_executions", 0) + child.node_executions
            self._row.usage = {**self._row.usage, "node_executions": below}
        self._is_done(key)
        if child.problem:
            raise BlockError(child.problem, retry=False)
        return child.outputs

    # What the runtime says

    async def retry(self, seconds: float, failures: int) -> None:
        """Return when it is time for the next attempt; `failures` attempts have failed."""
        self._row.waits = {**self._row.waits, RETRY: {"for": "retry", "until": _in(seconds), "failures": failures}}
        await self._timer(RETRY, self._row.waits[RETRY])

    async def rest_of_retry(self) -> int:
        """Return how many attempts have failed, when a retry that an earlier worker planned is due."""
        wait = self._row.waits.get(RETRY, {})
        if wait and "done" not in wait:
            await self._timer(RETRY, wait)
        return int(wait.get("failures", 0))

    async def outcome(self, instructions: str) -> Decided:
        """What a person knows of a step that may have happened."""
        if "done" in self._row.waits.get(OUTCOME, {}):  # it was lost once more
            self._row.waits = {key: wait for key, wait in self._row.waits.items() if key != OUTCOME}
        key, wait = self._named(OUTCOME, OUTCOME, lambda: {"approval": self._approval(OUTCOME, instructions, None)})
        return await self._decided(key, wait)

    def begin_attempt(self) -> None:
        """The block's run begins anew: its waits are counted from the first."""
        self._calls.clear()

    def begin_work(self) -> None:
        """From now on the time is paid for."""
        self._works_since = time.monotonic()

    def end_work(self) -> None:
        """Add the time since then to the run's usage."""
        if self._works_since is not None:
            seconds = self._row.usage.get(SECONDS, 0.0) + time.monotonic() - self._works_since
            self._row.usage = {**self._row.usage, SECONDS: round(seconds, 6)}
            self._works_since = None

    def poke(self) -> None:
        """What the run waits for may be there."""
        self._poked.set()

    def go_on(self) -> None:
        """The scheduler starts the run again."""
        if self._start is not None and not self._start.done():
            self._start.set_result(None)

    @property
    def earliest(self) -> datetime | None:
        """When the wait ends by itself."""
        return until_of(self._row.waits)

    # Parts

    def _named(self, kind: str, key: str, make: Callable[[], Wait]) -> tuple[str, Wait]:
        """The wait of this name, made when the run comes here for the first time."""
        if self._node.effect is Effect.ONCE and kind != OUTCOME:
            raise BlockError("A block that must not be repeated cannot wait: its run would begin anew.", retry=False)
        self._calls[kind] += 1
        key = plain(key, MAX_KEY) if key else f"{kind} {self._calls[kind]}"
        if key not in self._row.waits:
            kept = {
                name: wait for name, wait in self._row.waits.items() if not self._node.block.resumes or name == RETRY
            }
            self._row.waits = {**kept, key: {"for": kind, **make()}}
            self._owner.ledger.put_node(self._row)  # a question that no row knows of would be asked again
        return key, self._row.waits[key]

    def _approval(self, kind: str, instructions: str, payload: Any) -> str:
        id = uuid7()
        asked = ApprovalRow(
            id, self._row.id, kind, plain(instructions, MAX_INSTRUCTIONS).replace("\0", ""), encode(payload)
        )
        self._owner.ledger.put_approval(asked)
        return str(id)

    async def _timer(self, key: str, wait: Wait) -> None:
        until = datetime.fromisoformat(wait["until"])

        async def look() -> bool | None:
            return True if until <= now() else None

        await self._until(key, look, until)
        self._is_done(key)

    async def _decided(self, key: str, wait: Wait) -> Decided:
        async def look() -> Decided | None:
            return await self._owner.outside.decided(UUID(wait["approval"]))

        found = await self._until(key, look)
        self._is_done(key)
        return found

    async def _until(
        self, key: str, look: Callable[[], Awaitable[Found | None]], until: datetime | None = None
    ) -> Found:
        """What `look` finds; as long as it finds nothing the run waits."""
        found = await look()
        if found is not None:
            return found
        was_working = self._works_since is not None
        self.end_work()
        left = self._pause()
        while found is None:
            with suppress(TimeoutError):
                async with asyncio.timeout(None if until is None else _seconds_to(until)):
                    await self._poked.wait()
            self._poked.clear()
            found = await look()
        await self._go_on(left)
        if was_working:
            self.begin_work()
        return found

    def _pause(self) -> float | None:
        """Give the slot back; what is left of the attempt's time."""
        loop, when, left = asyncio.get_running_loop(), self.limit and self.limit.when(), None
        if self.limit and when is not None:
            left = when - loop.time()
            self.limit.reschedule(None)
        self._row.status = Status.WAITING
        self._owner.ledger.put_node(self._row)
        self._owner.decide(lambda: self._owner.scheduler.wait(self._run))
        return left

    async def _go_on(self, left: float | None) -> None:
        loop = asyncio.get_running_loop()
        self._start = loop.create_future()
        self._owner.decide(lambda: self._owner.scheduler.resume(self._run))
        await self._start
        if self.limit and left is not None:
            self.limit.reschedule(loop.time() + left)
        self._row.status = Status.RUNNING
        self._owner.ledger.put_node(self._row)
        self._owner.record()

    def _is_done(self, key: str) -> None:
        if "done" not in self._row.waits[key]:
            self._row.waits = {**self._row.waits, key: {**self._row.waits[key], "done": True}}


def _seconds_to(moment: datetime) -> float:
    return max(0.0, (moment - now()).total_seconds())


def _in(seconds: float) -> str:
    return (now() + timedelta(seconds=seconds)).isoformat()
