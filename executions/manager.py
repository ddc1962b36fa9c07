"""ExecutionManager: hosts many executions in one worker: claims them, drives them, cancels them, hands them over."""

import asyncio
import logging
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import UUID

import orjson
from django.conf import settings
from django.db import connections

from agentflow.graphs.spec import GraphSpec
from agentflow.logs.context import Subject, work_on
from blocks.registry import registry
from executions.control import Bell
from executions.crash_points import Point, reached
from executions.database import AWAY
from executions.engine.commands import Path
from executions.engine.plan import Plan, compile_plan
from executions.engine.status import Status
from executions.ledger import Unrecordable
from executions.node_executor import NodeExecutor
from executions.outside import Outside
from executions.parents import tell_parents
from executions.plans import Plans
from executions.processor import ExecutionProcessor
from executions.purse import Purse
from executions.recorder import Recorder
from executions.replay import Replayed, ReplayError, replay
from executions.reuse import Book
from executions.scope import scoped
from executions.store import Changed, Claim, Store
from executions.trials import Trials
from executions.values import load_blob
from executions.waited import awaited

logger = logging.getLogger(__name__)

Row = dict[str, Any]

#: Executions claimed by one statement.
CLAIM_AT_ONCE = 50
#: One in so many of the slots is there once more for owners who have nothing running.
EXTRA_SHARE = 10
#: How often a worker that shall end when it is idle looks whether it is.
IDLE_SECONDS = 0.05
#: A worker that the database has not answered for so long, though it renews the worker's lease, must end.
STORE_SECONDS = 30.0


@dataclass(slots=True)
class _Place:
    """Where an execution is hosted under one claim."""

    #: None while it is being loaded.
    processor: ExecutionProcessor | None = None


class ExecutionManager:
    """The executions of one worker, on its event loop."""

    def __init__(
        self, store: Store, recorder: Recorder, executor: NodeExecutor, bell: Bell, *, slots: int | None = None
    ) -> None:
        self.slots = slots or settings.WORKER_SLOTS
        self._store = store
        self._recorder = recorder
        self._executor = executor
        self._bell = bell
        self._purse = Purse(store)
        self._hosted: dict[UUID, _Place] = {}
        self._trials = Trials(store)
        self._wanted = asyncio.Event()
        self._claiming = asyncio.Lock()
        self._plans = Plans()
        #: One thread, and so one connection of Django's, for starting graphs from graphs.
        self._starter = ThreadPoolExecutor(1, thread_name_prefix="starter")
        self._is_draining = False
        self._is_hurrying = False
        self.finished = 0

    @property
    def free_slots(self) -> int:
        """How many more executions fit."""
        return 0 if self._is_draining else self.slots - len(self._hosted)

    @property
    def _extra_slots(self) -> int:
        """Places beyond the slots, for owners who have nothing running while others have taken everything."""
        return max(0, self.slots + self.slots // EXTRA_SHARE - max(self.slots, len(self._hosted)))

    @property
    def active(self) -> tuple[UUID, ...]:
        """Ids of the executions hosted now."""
        return tuple(self._hosted)

    def metrics(self) -> Mapping[str, int]:
        """Figures of the pool."""
        return {
            "hosted": len(self._hosted),
            "slots": self.slots,
            "free": self.free_slots,
            "finished": self.finished,
            "flushes": self._recorder.gauges.flushes,
        }

    def ring(self) -> None:
        """There may be something to claim."""
        self._wanted.set()

    async def run(self) -> None:
        """Claim due executions whenever the bell rings, and once in a while without; never ends by itself."""
        async with asyncio.TaskGroup() as hosting:
            while True:
                if not await self._claim_some(hosting):
                    await self._wait_for_bell()

    async def watch(self) -> None:
        """Look once in a while at what the database says of our executions; never ends by itself.

        Cancels whose message was lost are carried out. An execution that we hold and do not host, because the answer to
        a claim was lost, is handed back.
        """
        strangers: set[UUID] = set()
        while True:
            await asyncio.sleep(settings.SWEEP_SECONDS)
            async with asyncio.timeout(STORE_SECONDS):
                held = await self._store.held()
            for id, is_cancelled in held:
                if is_cancelled:
                    self.cancel(id)
            unknown = {row.id for row in held} - self._hosted.keys()
            await self._look_for_answers()
            if await self._trials.look(self._hosted):
                self.ring()
            for id in unknown & strangers:
                await self._release(id)
                self.ring()
            strangers = unknown

    async def _look_for_answers(self) -> None:
        """Answers whose message was lost."""
        awaited = {id: processor for processor in self._processors() for id in processor.awaited}
        for id in await self._store.answered(awaited) if awaited else ():
            awaited[id].answer(id)

    def answer(self, execution: UUID, id: UUID) -> None:
        """What an execution waits for is there: an approval is decided, or another execution over."""
        if processor := self._processor(execution):
            processor.answer(id)

    def cancel(self, execution: UUID) -> None:
        """Stop an execution, if it is here."""
        if processor := self._processor(execution):
            processor.cancel()

    async def until_idle(self) -> None:
        """Return when nothing is hosted and nothing is left to claim."""
        while not await self._is_idle():
            self.ring()
            await asyncio.sleep(IDLE_SECONDS)

    async def _is_idle(self) -> bool:
        async with self._claiming:  # no claim is on its way
            return not await self._store.is_anything_queued() and not self._hosted

    async def drain(self, grace_seconds: float) -> None:
        """Start nothing more; hand each execution over as soon as what runs of it has ended, or after the grace."""
        self._is_draining = True
        async with self._claiming:
            pass  # what was being claimed is known now
        await asyncio.gather(*(self._hand_over(processor, grace_seconds) for processor in self._processors()))
        await self._release()  # what was being loaded

    def hurry(self) -> None:
        """What runs is not waited for any more."""
        self._is_hurrying = True
        for processor in self._processors():
            processor.hurry()

    async def close(self) -> None:
        """End what runs beside the loop."""
        await asyncio.get_running_loop().run_in_executor(self._starter, connections.close_all)
        self._starter.shutdown(wait=False)

    async def _hand_over(self, processor: ExecutionProcessor, grace_seconds: float) -> None:
        await processor.hand_over(0 if self._is_hurrying else grace_seconds)
        reached(Point.DRAINED, processor.claim)
        await self._release(processor.claim.id)

    async def _release(self, execution: UUID | None = None) -> None:
        """Hand one back, or all."""
        released = await self._store.release(execution)
        self._recorder.gauges.handed_over += len(released)
        self._tell(released)

    def _tell(self, changed: Iterable[Changed]) -> None:
        """Tell those who follow them, and the workers that may claim them."""
        for id, graph, seq in changed:
            self._bell.wake(id, seq, graph=graph, is_over=True)
            self._bell.ring_workers()

    async def _claim_some(self, hosting: asyncio.TaskGroup) -> bool:
        """Host what is due and fits; whether there may be more."""
        async with self._claiming:
            if self._is_draining:
                return False
            most, extra = min(max(self.free_slots, 0), CLAIM_AT_ONCE), self._extra_slots
            if most == 0:
                for processor in self._processors():
                    processor.make_room()
            if most + extra == 0:
                return False
            try:
                claims = await self._store.claim(most, extra=extra, admitted=self._trials.admitted)
            except AWAY as error:
                logger.warning("nothing claimed: %s", error, extra={"action": "claim_failed"})
                return False
            self._recorder.gauges.claimed(claims)
            self._trials.claimed(claim.id for claim in claims)
            for claim in claims:
                place = self._hosted[claim.id] = _Place()
                hosting.create_task(self._host(claim, place), name=f"{claim.id}")
            return len(claims) >= CLAIM_AT_ONCE or (bool(claims) and claims[0].is_crowded)

    async def _wait_for_bell(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(settings.SWEEP_SECONDS):
                await self._wanted.wait()
        self._wanted.clear()

    async def _host(self, claim: Claim, place: "_Place") -> None:
        """Drive one execution to its end; a defect, or records that are damaged, end this one and leave the others."""
        reached(Point.CLAIMED, claim)
        work_on(Subject(claim.id, claim.graph, claim.user_id))
        self._bell.wake(claim.id, claim.seq, graph=claim.graph)
        try:
            await self._drive(claim, place)
        except Exception as error:
            logger.exception("execution cannot go on", extra={"action": "give_up", "execution": str(claim.id)})
            await self._give_up(claim, f"{type(error).__name__}: {error}")
        finally:
            if self._hosted.get(claim.id) is place:  # else it has come back meanwhile, with a later epoch
                del self._hosted[claim.id]
            self.finished += 1
            self.ring()

    async def _drive(self, claim: Claim, place: "_Place") -> None:
        plan = await self._plan(claim.version, claim.choice)
        book = await self._book(claim)
        processor = ExecutionProcessor(
            claim,
            plan,
            recorder=self._recorder,
            executor=self._executor,
            outside=Outside(self._store, claim, starter=self._starter, depth_limit=_depth_limit(claim, plan)),
            purse=self._purse,
            book=book,
            show=partial(self._show, claim.id),
        )
        replayed = await self._replayed(processor, book) if claim.epoch > 1 else None
        answered = await self._answered(replayed) if replayed else ()
        if self._is_draining:
            return
        reached(Point.LOADED, claim)
        place.processor = processor
        processor.begin(replayed, answered=answered)
        try:
            await processor.done
        finally:
            processor.leave()
        if claim.parent is not None:
            reached(Point.PARENT_UNTOLD, claim)
            await self._tell_parents()
        if isinstance(processor.ledger.broken, Unrecordable):
            await self._give_up(claim, f"The database refused a result of this run: {processor.ledger.broken}")

    async def _replayed(self, processor: ExecutionProcessor, book: Book | None) -> Replayed:
        nodes, outputs, values = await self._records(processor.claim.id)
        replayed = replay(processor.scheduler, nodes, outputs, values, time_over=processor.time_over)
        if book:
            book.take_again(processor.plan, replayed)
        return replayed

    async def _records(self, execution: UUID) -> tuple[list[Row], list[Row], dict[int, Any]]:
        """Node executions, outputs, and the values of the outputs by `seq`."""
        nodes, outputs = await self._store.recorded(execution)
        values = {}
        for output in outputs:
            blob = output["blob_id"]
            values[output["seq"]] = await asyncio.to_thread(load_blob, blob) if blob else output["value"]
        return nodes, outputs, values

    async def _answered(self, replayed: Replayed) -> set[UUID]:
        """What runs that waited when the records ended need not wait for any more."""
        waits = [known.row["waits"] for known in replayed.recorded.values() if known.status is Status.WAITING]
        ids = [id for each in waits if (id := awaited(each))]
        return await self._store.answered(ids) if ids else set()

    async def _book(self, claim: Claim) -> Book | None:
        """The results that the execution may keep; records that do not follow from their graph are not kept."""
        if claim.retry_of is None or not (claim.choice or {}).get("reuse"):
            return None
        source = await self._store.source(claim.retry_of)
        if source is None:
            return None
        plan = await self._plan(source.version, source.choice)
        fresh = (claim.choice or {}).get("fresh", ())
        try:
            return Book.read(plan, *await self._records(claim.retry_of), fresh=fresh)
        except ReplayError as error:
            logger.warning("nothing kept: %s", error, extra={"action": "book_failed", "execution": str(claim.id)})
            return None

    async def _tell_parents(self) -> None:
        """An execution that another one waits for has ended."""
        try:
            async with self._store.transaction() as transaction:
                told = await tell_parents(transaction)
        except AWAY as error:
            logger.warning("parents not told: %s", error, extra={"action": "tell_failed"})  # the sweeper will
            return
        reached(Point.PARENT_QUEUED, told)
        for child, parent, is_queued in told:
            self._bell.answer(parent, child)
            if is_queued:
                self._bell.ring_workers()

    async def _plan(self, version: int, choice: dict[str, Any] | None) -> Plan:
        """The plan of a version, or of the part of it that was chosen."""
        if choice and "only" in choice:
            spec = GraphSpec.from_json(await self._store.version_spec(version))
            part, numbers = scoped(spec, choice)
            return compile_plan(part, registry(), numbers)
        plan = self._plans.get(version)
        if plan is None:
            whole = await self._store.version_spec(version)
            plan = compile_plan(GraphSpec.from_json(whole), registry())
            self._plans.keep(version, plan)
        return plan

    async def _give_up(self, claim: Claim, detail: str) -> None:
        text = detail.encode(errors="replace").decode().replace("\0", "")[:2_000]
        error = orjson.dumps({"title": "The run could not go on", "detail": text}).decode()
        reached(Point.GIVING_UP, claim)
        self._tell(await self._store.give_up(claim, error))

    def _processor(self, execution: UUID) -> ExecutionProcessor | None:
        place = self._hosted.get(execution)
        return place.processor if place else None

    def _processors(self) -> list[ExecutionProcessor]:
        return [place.processor for place in self._hosted.values() if place.processor]

    def _show(self, execution: UUID, node: str, path: Path, shown: Mapping[str, Any]) -> None:
        message = {"node": node, "path": list(path), **shown}
        self._bell.transient(execution, f"{node}{path}", orjson.dumps(message).decode())


def _depth_limit(claim: Claim, plan: Plan) -> int:
    """What the graph allows, and what those above it allow."""
    return plan.limits.depth if claim.depth_limit is None else min(plan.limits.depth, claim.depth_limit)
