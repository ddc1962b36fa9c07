"""ExecutionProcessor: one execution, from its claim to its end: engine -> node executor -> recorder.

It carries out what the scheduler commands and tells it what happened. Two rules: a result is durable before a successor
that is not pure starts, and every change gets the next `seq`.
"""

import asyncio
import logging
from collections.abc import Callable, Container, Iterable, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from time import perf_counter
from typing import Any
from uuid import UUID

from agentflow.logs.context import Subject
from blocks.base import BlockError
from executions.charging import charge_row
from executions.clock import now
from executions.context import NodeContext, careful_http_client
from executions.crash_points import Point, reached
from executions.engine.commands import Command, Finish, Path, PortError, Run, Skip, Start, Stop
from executions.engine.plan import NodePlan, Plan
from executions.engine.scheduler import Scheduler
from executions.engine.status import FINAL, Reason, Status
from executions.ids import node_execution_id
from executions.ledger import Ending, Fenced, Ledger, NodeRow, Parking, Unrecordable
from executions.node_executor import NodeExecutor
from executions.node_run import STOP_SECONDS, Given, NodeRun
from executions.outside import Outside
from executions.purse import Purse
from executions.recorder import Recorder
from executions.replay import Recorded, Replayed, RunKey
from executions.reuse import Book, as_yielded
from executions.store import Claim
from executions.values import encode
from executions.waited import awaited, open_wait, until_of
from executions.waits import SHORT_SECONDS

logger = logging.getLogger(__name__)

#: Rows that say "queued" for runs held back by a limit; the counts say how many there are beyond.
QUEUED_ROWS = 200

#: An execution whose runs all wait for other graphs stays on its worker for so long: they often end soon.
LINGER_SECONDS = 5.0

#: Shows something of a node that runs: node key, path, and what there is to see.
Show = Callable[[str, Path, Mapping[str, Any]], None]


class ExecutionProcessor:
    """Drives one execution on the worker's loop.

    `done` resolves when it is over or no longer ours; it raises what is a defect of ours.
    """

    def __init__(
        self,
        claim: Claim,
        plan: Plan,
        *,
        recorder: Recorder,
        executor: NodeExecutor,
        outside: Outside,
        purse: Purse,
        book: Book | None = None,
        show: Show,
    ) -> None:
        self.claim = claim
        self.plan = plan
        self.executor = executor
        self.outside = outside
        self._purse = purse
        self._book = book
        self.ledger = Ledger(
            claim.id, claim.graph, claim.epoch, claim.seq, counts=self._counts, failed=self.leave, cancelled=self.cancel
        )
        self.scheduler = Scheduler(plan, concurrency=claim.concurrency, node_limit=claim.node_limit)
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._recorder = recorder
        self._gauges = recorder.gauges
        self._show = show
        self._loop = asyncio.get_running_loop()
        self._user = claim.user
        self.subject = Subject(claim.id, claim.graph, claim.user_id)
        self._recorded: Mapping[RunKey, Recorded] = {}
        self.digests: dict[int, str] = {}
        self._active: dict[Run, tuple[NodeRun, asyncio.Task[None]]] = {}
        #: Runs that waited when the records ended: nothing of them is in memory until their wait is over.
        self._dormant: dict[Run, Recorded] = {}
        #: Rows of runs that are queued, running or waiting.
        self._open_rows: dict[RunKey, NodeRow] = {}
        self._is_draining = False
        #: Draining, and nothing runs any more.
        self._quiet = asyncio.Event()
        #: What is left of the execution waits, and it is leaving its worker.
        self._is_parking = False
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._ending: asyncio.Task[None] | None = None

    # What the manager says

    def begin(self, replayed: Replayed | None = None, *, answered: Container[UUID] = ()) -> None:
        """Start, or go on where the records end; `answered` are approvals and executions that runs need not wait for."""
        self._limit_time()
        if replayed is None:
            self.decide(self.scheduler.start)
            return
        self._recorded = replayed.recorded
        self.ledger.has_others = any(known.row["waits"] for known in self._recorded.values())
        for run in self.scheduler.queued():
            if run.key in self._recorded:
                self._open_rows[run.key] = self._new_row(run, self._recorded[run.key])
        self.decide(lambda: self._go_on(replayed, answered))

    def _go_on(self, replayed: Replayed, answered: Container[UUID]) -> list[Command]:
        """What is to be done where the records end."""
        commands: list[Command] = [*replayed.skips]
        for run in replayed.open_runs:
            known = self._recorded.get(run.key)
            if known and _still_waits(known, answered):
                self._dormant[run] = known
                self._open_rows[run.key] = self._new_row(run, known)
                commands += self.scheduler.wait(run)
            else:
                commands.append(Start(run))
        commands += self.scheduler.release()
        self._set_alarm()
        return [*commands, replayed.finish] if replayed.finish else commands

    def answer(self, id: UUID) -> None:
        """An approval is decided, or another execution is over."""
        for node_run, _ in self._active.values():
            if awaited(node_run.row.waits) == id:
                node_run.waits.poke()
                return
        self._wake([run for run, known in self._dormant.items() if awaited(known.row["waits"]) == id])

    @property
    def awaited(self) -> list[UUID]:
        """Ids of the approvals and executions that runs wait for."""
        waits = [node_run.row.waits for node_run, _ in self._active.values() if node_run.row.status is Status.WAITING]
        waits += [known.row["waits"] for known in self._dormant.values()]
        return [id for each in waits if (id := awaited(each))]

    def cancel(self) -> None:
        """A user wants it to end: stop what runs, start nothing."""
        if not self.done.done():
            self.decide(self.scheduler.cancel)

    def time_over(self) -> list[Command]:
        """Tell the scheduler that the graph's time limit is reached."""
        message = f"The run took longer than this graph's limit of {self.plan.limits.seconds:g} s."
        return self.scheduler.abort(Reason.TIMEOUT, {"message": message, "kind": "timeout"})

    async def hand_over(self, grace_seconds: float) -> None:
        """Start nothing more, let what runs end within the grace, write it all; another worker goes on."""
        self._is_draining = True
        for run in [run for run, (node_run, _) in self._active.items() if node_run.row.status is Status.WAITING]:
            _abandon(*self._active.pop(run))  # it may as well wait elsewhere
        self._note_quiet()
        with suppress(TimeoutError):
            async with asyncio.timeout(grace_seconds):
                await self._quiet.wait()
        left = list(self._active.values())
        for node_run, task in left:
            _abandon(node_run, task)
        if left:
            await asyncio.wait([task for _, task in left], timeout=1)
        with suppress(Fenced, Unrecordable):
            await self.flush()
        self.leave()

    def hurry(self) -> None:
        """Hand over without waiting for what runs."""
        self._quiet.set()

    # What runs of nodes say

    def context(self, run: Run, row: NodeRow) -> NodeContext:
        """What the block of this run may use."""
        return NodeContext(
            execution_id=str(self.claim.id),
            node=run.node,
            path=run.path,
            attempt=row.attempt,
            idempotency_key=str(row.id),
            user=self._user,
            execution_inputs=self.claim.inputs,
            indices=run.indices,
            http=careful_http_client(self._recorder.until_sure),
            credentials=self.executor.credentials,
            tell=lambda shown: self._show(run.node, run.path, shown),
            later=self._later,
        )

    def _later(self, seconds: float, act: Callable[[], None]) -> None:
        self._loop.call_soon_threadsafe(self._loop.call_later, seconds, act)

    def decide(self, event: Callable[[], Iterable[Command]]) -> None:
        """Tell the scheduler an event and carry out what it commands.

        A defect in either ends this execution and no other.

        Raises:
            PortError: the event is a value that the block must not yield; nothing has changed.
        """
        began = perf_counter()
        try:
            for command in event():
                self._obey(command)
            self._note_queued()
        except PortError:
            raise
        except Exception as error:  # noqa: BLE001 - the manager logs it
            self.fail(error)
        else:
            self.record()
            self._consider_parking()
        finally:
            self._gauges.engine_seconds += perf_counter() - began

    def given(self, run: Run) -> Given | None:
        """Pinned data, or the result of the execution that this one goes on from."""
        node = self.plan.nodes[run.node]
        if node.pinned is not None and self.claim.use_pins:
            return Given(as_yielded(node, node.pinned), is_pinned=True)
        outputs = self._book.take(node, run) if self._book else None
        if outputs is not None:  # a step that gave nothing is kept, too
            return Given(outputs, is_reused=True)
        return None

    def charge(self, node: NodePlan, run: Run, row: NodeRow) -> None:
        """The run of a block that costs something is over; what stands for another run's result is free."""
        if not (row.reused or row.pinned):
            made = charge_row(node, run, row, self._purse.prices, owner=self.claim.user_id, graph=self.claim.graph)
            self.ledger.put_charge(made)

    async def reserve(self, node: NodePlan, run: Run, row: NodeRow) -> str:
        """Why a run of a block that costs something may not start; empty: it may."""
        return await self._purse.reserve(self.claim, node, run, row)

    def record(self) -> None:
        """Have what is in the ledger written."""
        if not self.ledger.is_clean:
            self._recorder.touch(self.ledger)

    async def flush(self) -> None:
        """Return when everything recorded so far is durable."""
        await self._recorder.flush(self.ledger)

    async def until_sure(self) -> None:
        """Return when this worker surely has the right to act for the execution."""
        await self._recorder.until_sure()

    def ended(self, run: Run, event: Callable[[], Iterable[Command]]) -> None:
        """The run is over, which the scheduler is told by this event."""
        self._active.pop(run, None)
        self._open_rows.pop(run.key, None)
        self.decide(event)
        self._note_quiet()

    def fail(self, error: Exception) -> None:
        """A defect of ours: the execution cannot go on."""
        if not self.done.done():
            self.done.set_exception(error)
        self.leave()

    def leave(self) -> None:
        """The execution is over, or not ours any more."""
        for timer in self._timers.values():
            timer.cancel()
        for node_run, task in self._active.values():
            _abandon(node_run, task)
        self._quiet.set()
        if not self.done.done():
            self.done.set_result(None)

    def _note_quiet(self) -> None:
        if self._is_draining and not self._active:
            self._quiet.set()

    # Commands

    def _obey(self, command: Command) -> None:
        match command:
            case Start(run):
                self._start(run)
            case Stop(run):
                self._stop(run)
            case Skip():
                self._skip(command)
            case Finish():
                self._finish(command)

    def _start(self, run: Run) -> None:
        if self._is_draining or self._is_parking or self.done.done():
            return
        if run in self._active:
            self._active[run][0].waits.go_on()
            return
        known = self._recorded.get(run.key)
        row = self._open_rows.get(run.key) or self._new_row(run, known)
        self._open_rows[run.key] = row
        node_run = NodeRun(self, self.plan.nodes[run.node], run, row, known)
        task = asyncio.create_task(node_run.go(), name=f"{self.claim.id} {run.node}")
        self._active[run] = node_run, task

    def _stop(self, run: Run) -> None:
        if run not in self._active:  # held back by a drain, or dormant
            if self._dormant.pop(run, None) and self.plan.nodes[run.node].block.costs:
                self.charge(self.plan.nodes[run.node], run, self._open_rows[run.key])
            self.decide(lambda: self.scheduler.stopped(run))
            return
        node_run, task = self._active[run]
        task.cancel()
        if node_run.has_begun:
            asyncio.get_running_loop().call_later(STOP_SECONDS, self._insist, run)
        else:  # nobody would hear of the cancellation
            node_run.stopped()

    def _insist(self, run: Run) -> None:
        """The run was told to stop; what it does from now on is not heard."""
        if run in self._active and not self.done.done():
            node_run, _ = self._active[run]
            logger.warning("block does not stop", extra={"action": "stop_ignored", "node": run.node})
            node_run.is_abandoned = True
            node_run.stopped()

    def _skip(self, skip: Skip) -> None:
        row = self._new_row(Run(skip.node), None)
        row.status, row.ended_at = Status.SKIPPED, now()
        row.error = {"message": skip.reason, "kind": "skipped", "port": skip.port}
        self.ledger.put_node(row)

    def _finish(self, finish: Finish) -> None:
        for row in self._open_rows.values():
            if row.status not in FINAL:
                row.status, row.ended_at = Status.CANCELLED, now()
                self.ledger.put_node(row)
        try:
            outputs = encode(dict(finish.outputs))
        except BlockError as error:
            problem = {"message": f"The outputs together are too much. {error}", "kind": "limit"}
            finish, outputs = Finish(Status.FAILED, Reason.LIMIT, problem), encode({})
        times = self.claim.started_at, now()
        self.ledger.put_ending(Ending(finish.status, finish.reason or "", _problem(finish), outputs, *times))
        reached(Point.ENDING, self.claim)
        self._ending = asyncio.create_task(self._end())

    async def _end(self) -> None:
        with suppress(Fenced, Unrecordable):  # the ledger has told us
            await self.flush()
        self.leave()

    # Rows

    def _note_queued(self) -> None:
        """Rows for runs that a limit holds back, so that pages show them as queued."""
        for run in self.scheduler.newly_queued():
            if len(self._open_rows) - len(self._active) >= QUEUED_ROWS:
                return
            if run.key not in self._open_rows and run.key not in self._recorded:
                row = self._open_rows[run.key] = self._new_row(run, None)
                self.ledger.put_node(row)

    def _new_row(self, run: Run, known: Recorded | None) -> NodeRow:
        return NodeRow(
            id=node_execution_id(self.claim.id, run.node, run.path, run.ordinal),
            node=run.node,
            block=self.plan.nodes[run.node].block_id,
            path=run.path,
            ordinal=run.ordinal,
            arrivals=[[arrival.link, arrival.ref] for arrival in run.arrivals],
            attempt=known.attempt if known else 1,
            log=list(known.row["log"]) if known else [],
            waits=known.row["waits"] if known else {},
            usage=known.row["usage"] if known else {},
            queued_at=known.row["queued_at"] if known else now(),
            started_at=known.row["started_at"] if known else None,
        )

    def _counts(self) -> dict[str, int]:
        counts = self.scheduler.counts
        found = {
            "completed": counts.completed,
            "failed": counts.failed,
            "handled": counts.handled,
            "skipped": counts.skipped,
            "cancelled": counts.cancelled,
            "running": counts.running,
            "waiting": counts.waiting,
            "queued": counts.queued,
        }
        return {"total": sum(found.values()), **found, "below": self.scheduler.charged}

    def _limit_time(self) -> None:
        seconds = self.plan.limits.seconds
        if seconds:
            left = seconds - (now() - self.claim.started_at).total_seconds()
            self._after("time limit", left, lambda: self.decide(self.time_over))

    def _after(self, name: str, seconds: float, act: Callable[[], None]) -> None:
        """Do it after so long, unless the timer of this name is set anew."""
        if name in self._timers:
            self._timers[name].cancel()
        self._timers[name] = asyncio.get_running_loop().call_later(max(seconds, 0), act)

    # Waiting

    def _wake(self, runs: Iterable[Run]) -> None:
        """The waits of these dormant runs are over."""
        for run in runs:
            del self._dormant[run]
            self.decide(lambda run=run: self.scheduler.resume(run))  # type: ignore[misc]  # bound now, not later

    def _set_alarm(self) -> None:
        """Wake dormant runs when their time has come."""
        if untils := [until for known in self._dormant.values() if (until := until_of(known.row["waits"]))]:
            self._after("alarm", (min(untils) - now()).total_seconds(), self._ring_alarm)

    def _ring_alarm(self) -> None:
        self._wake(
            [
                run
                for run, known in self._dormant.items()
                if not _still_waits(known, ()) and until_of(known.row["waits"])
            ]
        )
        self._set_alarm()

    def _consider_parking(self) -> None:
        """When all that is left waits, and not only for a moment, the execution leaves its worker."""
        counts = self.scheduler.counts
        is_idle = counts.waiting and not (counts.running or counts.queued or self.scheduler.is_halted)
        if is_idle and not (self._is_draining or self._is_parking or self.done.done()):
            self._after("parking", self._patience(), self._park)
        elif "parking" in self._timers:
            self._timers.pop("parking").cancel()

    def make_room(self) -> None:
        """Others want the place: an execution that only waits leaves its worker now."""
        if "parking" in self._timers and not (self._is_draining or self._is_parking or self.done.done()):
            self._timers.pop("parking").cancel()
            self._park()

    def _patience(self) -> float:
        """Seconds that the execution stays although all of it waits."""
        wake_at = self._wake_at()
        if wake_at is not None and (soon := (wake_at - now()).total_seconds()) <= SHORT_SECONDS:
            return soon + SHORT_SECONDS
        waits = [open_wait(node_run.row.waits) or {} for node_run, _ in self._active.values()]
        return LINGER_SECONDS if any(wait.get("for") == "graph" for wait in waits) else 0

    def _wake_at(self) -> datetime | None:
        """When the first of the waits ends by itself, or the time limit is reached."""
        untils = [node_run.waits.earliest for node_run, _ in self._active.values()]
        untils += [until_of(known.row["waits"]) for known in self._dormant.values()]
        if self.plan.limits.seconds:
            untils.append(self.claim.started_at + timedelta(seconds=self.plan.limits.seconds))
        return min((until for until in untils if until), default=None)

    def _park(self) -> None:
        self._is_parking = True
        self.ledger.put_parking(Parking(self._wake_at(), tuple(self.awaited)))
        reached(Point.PARKING, self.claim)
        self._ending = asyncio.create_task(self._end())


def _abandon(run: NodeRun, task: asyncio.Task[None]) -> None:
    """End the run without recording it."""
    run.is_abandoned = True
    task.cancel()


def _still_waits(known: Recorded, answered: Container[UUID]) -> bool:
    """What the run waited for when the records ended is not there yet."""
    if known.status is not Status.WAITING:
        return False
    until, id = until_of(known.row["waits"]), awaited(known.row["waits"])
    return until > now() if until else id is not None and id not in answered


def _problem(finish: Finish) -> dict[str, Any] | None:
    """The error of an execution as a problem: `{title, detail, node?, …}`."""
    if finish.error is None:
        return None
    titles = {
        Reason.NODE: "A node failed",
        Reason.LIMIT: "A limit was reached",
        Reason.TIMEOUT: "The time limit was reached",
        Reason.BUDGET: "The money is used up",
    }
    title = titles.get(finish.reason, "The run failed") if finish.reason else "The run failed"
    return {"title": title, "detail": finish.error.get("message", ""), **finish.error}
