"""One run of one node on the worker: attempts, retries, time limits, and what of it is recorded."""

import asyncio
import logging
import random
from collections.abc import Callable, Iterable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Protocol

from agentflow.credentials.hiding import Hiding
from agentflow.logs.context import Subject, work_on
from blocks.base import ERROR_PORT, BlockError, Effect
from executions.clock import now
from executions.context import NodeContext
from executions.crash_points import Point, reached
from executions.engine.commands import Command, PortError, Run
from executions.engine.plan import NodePlan, Plan
from executions.engine.scheduler import Scheduler
from executions.engine.status import Reason, Status
from executions.isolated import Vanished
from executions.ledger import Fenced, Ledger, NodeRow, OutputRow, Unrecordable
from executions.node_executor import NodeExecutor
from executions.outside import Outside
from executions.replay import Recorded
from executions.reuse import as_yielded
from executions.store import Claim
from executions.texts import plain
from executions.usage import added
from executions.values import Encoded, as_recorded, encode, save_blob
from executions.waited import OUTCOME, RETRY, is_open
from executions.waits import Waits

logger = logging.getLogger(__name__)

#: A block that does not stop when told is left to itself after this long, in seconds.
STOP_SECONDS = 3.0
#: Longest message of an error that is kept, in characters.
MAX_MESSAGE = 10_000
#: Values that one run may yield, on all its ports.
MOST_VALUES = 1_000_000
#: Seconds before the first retry; doubled for each further one, with jitter.
RETRY_SECONDS = 0.5
MAX_RETRY_SECONDS = 60.0
#: No block can put the next try off for longer.
MAX_RETRY_AFTER_SECONDS = 86_400.0

Error = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Given:
    """Outputs that stand for what a block would yield."""

    outputs: list[tuple[str, Any]]
    is_reused: bool = False
    is_pinned: bool = False


class Owner(Protocol):
    """The processor, as one run needs it."""

    claim: Claim

    scheduler: Scheduler
    ledger: Ledger
    executor: NodeExecutor
    plan: Plan
    outside: Outside
    #: Of large values that were yielded here, by their `seq`.
    digests: dict[int, str]
    #: For log lines.
    subject: Subject

    def context(self, run: Run, row: NodeRow) -> NodeContext:
        """What the block may use."""

    def decide(self, event: Callable[[], Iterable[Command]]) -> None:
        """Tell the scheduler an event and carry out what it commands; raises PortError."""

    def record(self) -> None:
        """Have what is in the ledger written."""

    async def flush(self) -> None:
        """Return when everything recorded so far is durable."""

    async def until_sure(self) -> None:
        """Return when this worker surely has the right to act for the execution."""

    def given(self, run: Run) -> Given | None:
        """What stands for the run's result: pinned data, or the result of an earlier execution."""

    async def reserve(self, node: NodePlan, run: Run, row: NodeRow) -> str:
        """Why a run of a block that costs something may not start; empty: it may."""

    def charge(self, node: NodePlan, run: Run, row: NodeRow) -> None:
        """The run of a block that costs something is over."""

    def ended(self, run: Run, event: Callable[[], Iterable[Command]]) -> None:
        """The run is over, which the scheduler is told by this event."""

    def fail(self, error: Exception) -> None:
        """A defect of ours: the execution cannot go on."""


class NodeRun:
    """Runs one node once; told to stop by cancelling its task."""

    def __init__(self, owner: Owner, node: NodePlan, run: Run, row: NodeRow, known: Recorded | None) -> None:
        self.row = row
        self._owner = owner
        self._node = node
        self._run = run
        self._known = known
        #: How many values each port has yielded: an attempt that repeats them is not heard again.
        self._yielded = {port: len(values) for port, values in known.yielded.items()} if known else {}
        #: The values themselves, for blocks that ask for them.
        self._kept: dict[str, list[Any]] = {}
        if known and node.block.resumes:
            self._kept = {port: list(values) for port, values in known.yielded.items()}
        #: Of the present attempt, or the last one.
        self._context: NodeContext | None = None
        #: Seconds for which the last attempt said that another is of no use.
        self._retry_after = 0.0
        self.waits = Waits(owner, node, run, row)
        self._next_index = known.next_index if known else 0
        #: The task has come so far that cancelling it reaches `go`.
        self.has_begun = False
        #: Set when the run's end is nobody's business any more: another worker goes on with it, or it would not stop.
        self.is_abandoned = False

    async def go(self) -> None:
        """Run to the end and tell the owner."""
        work_on(self._owner.subject, self._node.key)
        self.has_begun = True
        try:
            await self._go()
        except asyncio.CancelledError:
            if not self.is_abandoned:
                self.stopped()
        except (Fenced, Unrecordable):
            pass  # the ledger has told the owner
        except Exception as error:  # noqa: BLE001 - the owner logs it
            self._owner.fail(error)

    def stopped(self) -> None:
        """The run was told to stop and has."""
        self._close(Status.CANCELLED)
        self._owner.ended(self._run, lambda: self._owner.scheduler.stopped(self._run))

    async def _go(self) -> None:
        if given := self._owner.given(self._run):
            self._begin()
            error = await self._give(given)
        else:
            error = await self._do()
        if self.is_abandoned:
            return
        if error is None:
            self._close(Status.COMPLETED)
            self._end(lambda: self._owner.scheduler.complete(self._run))
        else:
            self._fail(error)

    async def _do(self) -> Error | None:
        """Run the block; the error, or None."""
        if self._node.effect is Effect.IDEMPOTENT or self._known and self._node.effect is Effect.ONCE:
            await self._owner.flush()  # a cancel that is seen there ends it here
        self._begin()
        if self._node.block.costs and (refusal := await self._owner.reserve(self._node, self._run, self.row)):
            return self._error(refusal, Reason.BUDGET)
        is_unknown = self._node.effect is Effect.ONCE and self._is_outcome_unknown()
        was_cut_off, is_new_try = self._was_cut_off(), self._is_new_try()
        while True:
            if is_unknown:
                self.row.status = Status.RUNNING
                found = await self.waits.outcome(LOST_OUTCOME if was_cut_off else RESTORED_OUTCOME)
                if found.decision == "happened":
                    return await self._give(Given(as_yielded(self._node, found.answer or {})))
                if found.decision != "repeat":
                    return self._error(found.comment or NOT_REPEATED, "lost")
            self.row.attempt += is_new_try
            failures = await self.waits.rest_of_retry()
            self.row.error = None
            await self._show(Status.RUNNING)
            try:
                return await self._attempts(failures)
            except Vanished:
                is_unknown = was_cut_off = is_new_try = True

    def _begin(self) -> None:
        if self.row.started_at is None:
            self.row.started_at = now()

    def _is_new_try(self) -> bool:
        """A worker was lost in the middle of the one before, or it failed; else a wait is taken up again."""
        known = self._known
        if known is None:
            return False
        waits = known.row["waits"]
        return known.status is Status.RUNNING or is_open(waits, RETRY) or is_open(waits, OUTCOME)

    def _is_outcome_unknown(self) -> bool:
        """The step may have happened and nobody has said yet whether it has."""
        if self._was_cut_off() or is_open(self.row.waits, OUTCOME):
            return True
        return self._owner.claim.is_restored and OUTCOME not in self.row.waits

    def _was_cut_off(self) -> bool:
        return self._known is not None and self._known.status is Status.RUNNING

    async def _give(self, given: Given) -> Error | None:
        """Yield what stands for the block's result."""
        self.row.reused, self.row.pinned = given.is_reused, given.is_pinned
        self.row.status = Status.RUNNING
        self._owner.ledger.put_node(self.row)
        left = dict(self._yielded)
        try:
            for port, value in given.outputs:
                if left.get(port):
                    left[port] -= 1
                else:
                    await self._emit(port, value)
                    reached(Point.GIVING, self.row)
        except PortError as error:
            return self._error(f"{error}.", "block")
        return None

    def _end(self, event: Callable[[], Iterable[Command]]) -> None:
        """Tell the scheduler; what graphs that it ran have used counts towards the limit."""

        def charged() -> Iterable[Command]:
            self._owner.scheduler.charge(self.row.usage.get("node_executions", 0))
            return event()

        self._owner.ended(self._run, charged if self.row.usage else event)
        reached(Point.RUN_ENDED, self.row)

    async def _attempts(self, failures: int) -> Error | None:
        """Try until it works or may not be tried again; the last error, or None."""
        while True:
            self._retry_after = 0.0
            error, may_retry = await self._attempt()
            if self.is_abandoned:
                raise asyncio.CancelledError
            failures += 1
            if error is None or not may_retry or failures > self._node.policy.retries:
                return error
            await self._wait_to_retry(error, failures)

    async def _attempt(self) -> tuple[Error | None, bool]:
        """One try: its error, and whether another may help.

        After a time-out or a defect nobody knows what a step that must happen once has done: it is not tried again.
        """
        context = self._owner.context(self._run, self.row)
        context.waiting, context.recorded = self.waits, self._kept
        context.hiding, self._context = self._opened, context
        is_repeatable = self._node.effect is not Effect.ONCE
        limit = self.waits.limit = asyncio.timeout(self._node.policy.timeout_seconds or None)
        self.waits.begin_attempt()
        if self._node.block.costs:
            self.waits.begin_work()
        deadline = _Deadline(limit, self._leave_to_itself)
        reached(Point.INTENT, self.row)
        try:
            async with limit:
                await self._values(context)
        except BlockError as error:
            self._retry_after = min(max(error.after_seconds, 0.0), MAX_RETRY_AFTER_SECONDS)
            return self._error(error.message, "block"), error.retry
        except PortError as error:
            return self._error(f"{error}.", "block"), False
        except (Fenced, Unrecordable, Vanished):
            raise
        except asyncio.CancelledError:
            if _is_told_to_stop():
                raise
            return self._bug(), is_repeatable
        except BaseException as error:  # noqa: BLE001 - blocks are others' code and may raise anything
            if isinstance(error, TimeoutError) and limit.expired():
                return self._timed_out(), is_repeatable
            return self._bug(), is_repeatable
        finally:
            self.waits.limit = None  # what is waited for after the attempt has no part in its time
            deadline.cancel()
            self.waits.end_work()
            context.end()
            self._count_usage(context)
            self.row.log = [*self.row.log, *self._without_secrets(context.lines)]
        return None, False

    @property
    def _opened(self) -> Hiding | None:
        """Hides the secrets that this run has opened, in this attempt or an earlier one; None: none."""
        return self._context.hiding if self._context else None

    def _without_secrets(self, lines: list[list[Any]]) -> list[list[Any]]:
        hiding = self._opened
        return [[*where, hiding.text(text)] for *where, text in lines] if hiding else lines

    def _leave_to_itself(self) -> None:
        """The block goes on although its time is over: the run has failed, and what the block does is not heard."""
        if self.is_abandoned:
            return
        logger.warning("block does not stop", extra={"action": "stop_ignored", "node": self._node.key})
        self.is_abandoned = True
        self._fail(self._timed_out())

    def _timed_out(self) -> Error:
        return self._error(f"It took longer than the limit of {self._node.policy.timeout_seconds:g} s.", "timeout")

    async def _values(self, context: NodeContext) -> None:
        again: dict[str, int] = {}
        recorded = {} if self._node.block.resumes else dict(self._yielded)
        async with aclosing(self._owner.executor.run(self._node, self._run, context)) as values:
            async for name, value in values:
                reached(Point.YIELDED, self.row)
                if not isinstance(name, str):
                    raise PortError(f"The name of a port is text, not {name!r}")
                port = str.__str__(name)  # whatever a class of the block's own makes of it
                if self._next_index >= MOST_VALUES:
                    raise BlockError(f"It gave more than {MOST_VALUES:,} values.", retry=False)
                if recorded:
                    again[port] = again.get(port, 0) + 1
                    if again[port] <= recorded.get(port, 0):
                        continue
                if self._count_usage(context):
                    self._owner.ledger.put_node(self.row)
                await self._emit(port, value)
                reached(Point.EMITTED, self.row)
        reached(Point.BLOCK_ENDED, self.row)

    def _count_usage(self, context: NodeContext) -> bool:
        """Add to the row what the block has used since the last time; whether it was anything."""
        used = context.take_used()
        if used:
            self.row.usage = added(self.row.usage, used)
        return bool(used)

    def _as_it_travels(self, value: Any, encoded: Encoded, ref: int) -> Any:
        """What sinks get: a copy, but for a large value that goes on as it came in."""
        if encoded.sha256:
            digests = self._owner.digests
            digests[ref] = encoded.sha256
            if any(each.value is value and digests.get(each.ref) == encoded.sha256 for each in self._run.arrivals):
                return value
        return as_recorded(value, encoded)

    async def _emit(self, port: str, value: Any) -> None:
        """A value travels and is recorded; a port that does not exist, or had its value, is the block's fault."""
        encoded = encode(value)
        if self._opened and self._opened.is_in(encoded.text):
            value = self._opened.value(value)
            encoded = encode(value)
        limit = self._owner.plan.limits.value_bytes
        if limit and len(encoded.text) > limit:
            message = f"A value of {len(encoded.text):,} bytes is larger than this graph's limit of {limit:,} bytes (value_bytes)."
            raise BlockError(message, retry=False)
        if encoded.sha256:
            await self._store(encoded)
            reached(Point.BLOB_SAVED, self.row)
        if self.is_abandoned:
            raise asyncio.CancelledError
        ledger = self._owner.ledger
        ref = ledger.seq + 1
        given = self._as_it_travels(value, encoded, ref)

        def emit() -> list[Command]:
            commands = self._owner.scheduler.emit(self._run, port, given, ref)
            ledger.put_output(OutputRow(ledger.next_seq(), self.row.id, self._next_index, port, encoded))
            return commands

        self._owner.decide(emit)
        self._next_index += 1
        self._yielded[port] = self._yielded.get(port, 0) + 1
        if self._node.block.resumes:
            self._kept.setdefault(port, []).append(given)
        if ledger.is_full:
            await self._owner.flush()

    async def _store(self, encoded: Encoded) -> None:
        """Keep a large value; what must not be repeated has happened already and is not tried again for it."""
        try:
            await asyncio.to_thread(save_blob, encoded)
        except OSError as error:
            reason = error.strerror or str(error)
            message = f"A value of {len(encoded.text):,} bytes could not be stored: {reason}. {MAKE_ROOM}"
            raise BlockError(message, retry=self._node.effect is not Effect.ONCE) from error

    async def _wait_to_retry(self, error: Error, failures: int) -> None:
        self.row.error = error
        delay = min(RETRY_SECONDS * 2 ** (failures - 1), MAX_RETRY_SECONDS)
        wait = self._retry_after + delay * random.uniform(0.5, 1.0)  # noqa: S311 - jitter, no secret
        await self.waits.retry(wait, failures)
        self.row.error = None
        self.row.attempt += 1
        await self._show(Status.RUNNING)

    async def _show(self, status: Status) -> None:
        """Record the status; before a step that must happen once is tried, durably, with all that came before it."""
        self.row.status = status
        self._owner.ledger.put_node(self.row)
        if self._node.effect is Effect.ONCE and status is Status.RUNNING:
            await self._owner.flush()
            await self._owner.until_sure()
        else:
            self._owner.record()

    def _fail(self, error: Error) -> None:
        ledger, scheduler = self._owner.ledger, self._owner.scheduler
        is_handled = scheduler.handled(self._node.key, error)
        ref = 0
        if is_handled:
            ref = ledger.next_seq()
            ledger.put_output(OutputRow(ref, self.row.id, self._next_index, ERROR_PORT, encode(error)))
        self.row.error = {**error, "handled": is_handled}
        self._close(Status.FAILED)
        self._end(lambda: scheduler.fail(self._run, error, ref))

    def _close(self, status: Status) -> None:
        self.row.status, self.row.ended_at = status, now()
        if self._node.block.costs:
            self._owner.charge(self._node, self._run, self.row)
        self._owner.ledger.put_node(self.row)

    def _bug(self) -> Error:
        extra = {"action": "block_bug", "block": self._node.block_id, "node": self._node.key}
        logger.exception("block failed unexpectedly", extra=extra)
        return self._error(UNEXPECTED, "bug")

    def _error(self, message: object, kind: str) -> Error:
        """An error that can be written whatever text the block gave."""
        text = plain(self._opened.text(str(message)) if self._opened else message, MAX_MESSAGE)
        return {"message": text, "kind": kind, "block": self._node.block_id, "attempt": self.row.attempt}


MAKE_ROOM = "See to the disk where AGENTFLOW_DATA lies, then run again from the step that failed."
UNEXPECTED = "The block failed in a way that its author did not expect. The server's log has the details."
LOST_OUTCOME = (
    "The worker was lost while this step ran, and the step must not be done twice. "
    "Look at the other side: did it happen?"
)
RESTORED_OUTCOME = (
    "This run was restored from a backup. After the backup was made the step may have happened, and it must not be "
    "done twice. Look at the other side: did it happen?"
)
NOT_REPEATED = "Nobody knows whether this step has happened; it was decided not to repeat it."


class _Deadline:
    """Calls `over` when a block still runs long after its time limit, which waits may put off."""

    def __init__(self, limit: asyncio.Timeout, over: Callable[[], None]) -> None:
        self._limit = limit
        self._over = over
        self._timer: asyncio.TimerHandle | None = None
        if limit.when() is not None:
            self._look()

    def cancel(self) -> None:
        """The block has stopped."""
        if self._timer is not None:
            self._timer.cancel()

    def _look(self) -> None:
        loop = asyncio.get_running_loop()
        when = (self._limit.when() or loop.time()) + STOP_SECONDS  # none: it waits, and its time stands still
        if self._limit.expired() and when <= loop.time():
            self._over()
        else:
            self._timer = loop.call_at(max(when, loop.time() + STOP_SECONDS / 2), self._look)


def _is_told_to_stop() -> bool:
    """Somebody cancelled this task; else a block raised CancelledError on its own account."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
