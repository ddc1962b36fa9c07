"""ExecutionManager: hosts many executions in one worker: claims them, drives them, cancels them, hands them over."""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from contextlib import suppress
from functools import partial
from typing import Any
from uuid import UUID

import orjson
from django.conf import settings
from psycopg import OperationalError

from agentflow.graphs.spec import GraphSpec
from blocks.registry import registry
from executions.control import Bell
from executions.engine.commands import Path
from executions.engine.plan import Plan, compile_plan
from executions.ledger import Unrecordable
from executions.node_executor import NodeExecutor
from executions.processor import ExecutionProcessor
from executions.recorder import Recorder
from executions.replay import Replayed, replay
from executions.store import Changed, Claim, Store
from executions.values import load_blob

logger = logging.getLogger(__name__)

#: Plans of versions that ran last; a version never changes.
KEPT_PLANS = 200
#: Executions claimed by one statement.
CLAIM_AT_ONCE = 50
#: How often a worker that shall end when it is idle looks whether it is.
IDLE_SECONDS = 0.05


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
        #: None while the execution is being loaded.
        self._hosted: dict[UUID, ExecutionProcessor | None] = {}
        self._wanted = asyncio.Event()
        self._claiming = asyncio.Lock()
        self._plans: OrderedDict[int, Plan] = OrderedDict()
        self._is_draining = False
        self.finished = 0

    @property
    def free_slots(self) -> int:
        """How many more executions fit."""
        return 0 if self._is_draining else self.slots - len(self._hosted)

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
            "flushes": self._recorder.flushes,
        }

    def ring(self) -> None:
        """There may be something to claim."""
        self._wanted.set()

    async def run(self) -> None:
        """Claim due executions whenever the bell rings, and once in a while without; never ends by itself."""
        async with asyncio.TaskGroup() as hosting:
            while True:
                if await self._claim_some(hosting) < CLAIM_AT_ONCE:
                    await self._wait_for_bell()

    async def watch(self) -> None:
        """Look once in a while at what the database says of our executions; never ends by itself.

        Cancels whose message was lost are carried out. An execution that we hold and do not host, because the answer to
        a claim was lost, is handed back.
        """
        strangers: set[UUID] = set()
        while True:
            await asyncio.sleep(settings.SWEEP_SECONDS)
            held = await self._store.held()
            for id, is_cancelled in held:
                if is_cancelled:
                    self.cancel(id)
            unknown = {row.id for row in held} - self._hosted.keys()
            for id in unknown & strangers:
                await self._store.release(id)
                self.ring()
            strangers = unknown

    def cancel(self, execution: UUID) -> None:
        """Stop an execution, if it is here."""
        if processor := self._hosted.get(execution):
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
        processors = [processor for processor in self._hosted.values() if processor]
        await asyncio.gather(*(self._hand_over(processor, grace_seconds) for processor in processors))
        self._tell(await self._store.release())  # what was being loaded

    async def _hand_over(self, processor: ExecutionProcessor, grace_seconds: float) -> None:
        await processor.hand_over(grace_seconds)
        self._tell(await self._store.release(processor.claim.id))

    def _tell(self, changed: Iterable[Changed]) -> None:
        """Tell those who follow them, and the workers that may claim them."""
        for id, graph, seq in changed:
            self._bell.wake(id, seq, graph=graph)
            self._bell.ring_workers()

    async def _claim_some(self, hosting: asyncio.TaskGroup) -> int:
        """Host what is due and fits; how many that were."""
        async with self._claiming:
            if self.free_slots <= 0:
                return 0
            try:
                claims = await self._store.claim(min(self.free_slots, CLAIM_AT_ONCE))
            except OperationalError as error:
                logger.warning("nothing claimed: %s", error, extra={"action": "claim_failed"})
                return 0
            for claim in claims:
                self._hosted[claim.id] = None
                hosting.create_task(self._host(claim), name=f"{claim.id}")
            return len(claims)

    async def _wait_for_bell(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(settings.SWEEP_SECONDS):
                await self._wanted.wait()
        self._wanted.clear()

    async def _host(self, claim: Claim) -> None:
        """Drive one execution to its end; a defect, or records that are damaged, end this one and leave the others."""
        self._bell.wake(claim.id, claim.seq, graph=claim.graph)
        try:
            await self._drive(claim)
        except Exception as error:
            logger.exception("execution cannot go on", extra={"action": "give_up", "execution": str(claim.id)})
            await self._give_up(claim, f"{type(error).__name__}: {error}")
        finally:
            del self._hosted[claim.id]
            self.finished += 1
            self.ring()

    async def _drive(self, claim: Claim) -> None:
        processor = ExecutionProcessor(
            claim,
            await self._plan(claim.version),
            recorder=self._recorder,
            executor=self._executor,
            show_progress=partial(self._show_progress, claim.id),
        )
        replayed = await self._replayed(claim, processor) if claim.epoch > 1 else None
        if self._is_draining:
            return
        self._hosted[claim.id] = processor
        processor.begin(replayed)
        await processor.done
        if isinstance(processor.ledger.broken, Unrecordable):
            await self._give_up(claim, f"The database refused a result of this run: {processor.ledger.broken}")

    async def _replayed(self, claim: Claim, processor: ExecutionProcessor) -> Replayed:
        nodes, outputs = await self._store.recorded(claim.id)
        values = {}
        for output in outputs:
            blob = output["blob_id"]
            values[output["seq"]] = await asyncio.to_thread(load_blob, blob) if blob else output["value"]
        return replay(processor.scheduler, nodes, outputs, values, time_over=processor.time_over)

    async def _plan(self, version: int) -> Plan:
        plan = self._plans.get(version)
        if plan is None:
            spec = await self._store.version_spec(version)
            plan = self._plans[version] = compile_plan(GraphSpec.from_json(spec), registry())
        self._plans.move_to_end(version)
        if len(self._plans) > KEPT_PLANS:
            self._plans.popitem(last=False)
        return plan

    async def _give_up(self, claim: Claim, detail: str) -> None:
        text = detail.encode(errors="replace").decode().replace("\0", "")[:2_000]
        error = orjson.dumps({"title": "The run could not go on", "detail": text}).decode()
        self._tell(await self._store.give_up(claim, error))

    def _show_progress(self, execution: UUID, node: str, path: Path, fraction: float, text: str) -> None:
        message: dict[str, Any] = {"node": node, "path": list(path), "progress": fraction, "text": text}
        self._bell.transient(execution, f"{node}{path}", orjson.dumps(message).decode())
