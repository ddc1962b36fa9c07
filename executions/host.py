"""The heart of a hosting worker: its core tasks on one event loop in a thread of their own.

Crash-only: when a core task ends, or the lease could not be renewed in time, the process exits. A wedged worker is worse
than a dead one, because only the end of its lease lets others go on with its executions.
"""

import asyncio
import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Coroutine, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import Any, cast
from uuid import UUID

import uvloop
from django.conf import settings

import agentflow
from agentflow import memory
from agentflow.credentials.opening import Opener
from executions import tracing
from executions.chores import Chores
from executions.control import Bell, listen
from executions.crash_points import Point, reached
from executions.engine.status import FINAL
from executions.ids import uuid7
from executions.isolated import IsolatedRunner
from executions.ledger import Batch, Ledger
from executions.manager import ExecutionManager
from executions.node_executor import NodeExecutor
from executions.recorder import Recorder
from executions.store import Store
from executions.sweeper import Sweeper
from executions.threads import Threads
from executions.tickets import NodeQueue
from executions.totals import SAVE, saving
from executions.watchdog import Watchdog, crash

logger = logging.getLogger(__name__)

#: What may be running nodes get to end when the worker is asked to stop.
DRAIN_SECONDS = 10.0
#: What handing over and signing off may take beyond that.
STOP_SECONDS = 5.0
START_SECONDS = 30.0
#: How long a cancelled core task may take before it is cancelled again.
CANCEL_SECONDS = 0.5


class Host:
    """Core tasks of one worker; `start` and `stop` are called from another thread."""

    def __init__(self, *, queue: str = "default", slots: int | None = None) -> None:
        self.id = uuid7()
        self.name = f"{socket.gethostname()}-{os.getpid()}"
        self.queue = queue
        self.slots = slots or settings.WORKER_SLOTS
        self.manager: ExecutionManager | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping: asyncio.Event | None = None
        self._is_ready = threading.Event()
        self._thread = threading.Thread(target=self._run_thread, name="host", daemon=True)

    def start(self) -> None:
        """Return when the worker has signed on and claims executions."""
        self._thread.start()
        if not self._is_ready.wait(START_SECONDS):
            crash("the worker could not start")

    def ring(self) -> None:
        """There may be something to claim; from any thread."""
        if self.manager is not None:
            self._call(self.manager.ring)

    @property
    def is_full(self) -> bool:
        """No further execution fits."""
        return self.manager is not None and self.manager.free_slots <= 0

    def begin_stop(self) -> None:
        """Have it drain; from any thread, also from a signal's handler, and again."""
        if self._stopping is not None:
            self._call(self._stopping.set)

    def hurry(self) -> None:
        """Drain without waiting for what runs; from any thread."""
        self.begin_stop()
        if self.manager is not None:
            self._call(self.manager.hurry)

    def _call(self, function: Callable[[], None]) -> None:
        with suppress(RuntimeError):  # the loop is closed already
            if self._loop is not None:
                self._loop.call_soon_threadsafe(function)

    def stop(self) -> None:
        """Drain, hand over, sign off; returns when done, or when it takes too long (the lease's end is sure)."""
        self.begin_stop()
        if self._thread.is_alive():
            self._thread.join(DRAIN_SECONDS + STOP_SECONDS)
        if self._thread.is_alive():
            logger.critical("the worker did not stop in time", extra={"action": "stop_failed"})

    def finish(self) -> None:
        """Return when nothing is hosted and nothing is left to claim."""
        if self._loop is not None and self.manager is not None:
            asyncio.run_coroutine_threadsafe(self.manager.until_idle(), self._loop).result()

    def _run_thread(self) -> None:
        try:
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                loop = runner.get_loop()
                _run_through(loop, loop.create_task(self.main()))
        except BaseException:
            logger.critical("the worker's core failed", exc_info=True, extra={"action": "core_failed"})
            crash("core task failed")

    async def main(self) -> None:
        """Sign on, run the core tasks until asked to stop, hand over."""
        self._loop = asyncio.get_running_loop()
        self._loop.set_default_executor(cast(ThreadPoolExecutor, Threads("call", usual=32)))
        self._stopping = asyncio.Event()
        bell, traces = Bell(), tracing.started(self.name)
        async with Store(self.id, self.name).opened() as store:
            recorder = Recorder(self.id, committed=partial(_committed, bell, traces))
            isolated = IsolatedRunner(store, NodeQueue())
            credentials = Opener(store, _renew)
            executor = NodeExecutor(isolated, credentials)
            self.manager = ExecutionManager(store, recorder, executor, bell, slots=self.slots)
            await self._sign_on(store, recorder)
            reached(Point.SIGNED_ON)
            watchdog = Watchdog(self.id, recorder, self._loop)
            watchdog.start()
            chores = Chores()
            core = _core_tasks(
                recorder=recorder.run(),
                manager=self.manager.run(),
                watch=self.manager.watch(),
                isolated=isolated.watch(),
                sweeper=Sweeper(store, bell, recorder.gauges).run(),
                chores=chores.run(),
                bell=bell.run(),
                control=listen(_Ear(self.manager, isolated).hear),
            )
            memory.settle()
            self._is_ready.set()
            await _guarded(self._stopping.wait(), core)
            await _guarded(self.manager.drain(DRAIN_SECONDS), core)
            await _end(core)
            reached(Point.RELEASED)
            await store.run(SAVE, saving(recorder.gauges, self.id))
            await store.sign_off()
            watchdog.stop()
            await bell.send_rest()
            await recorder.close()
            executor.close()
            credentials.close()
            await self.manager.close()
            await chores.close()
            if traces is not None:
                await asyncio.to_thread(traces.close)

    async def _sign_on(self, store: Store, recorder: Recorder) -> None:
        recorder.renewed_at = time.monotonic()
        await store.sign_on(
            host=socket.gethostname(),
            process_id=os.getpid(),
            queue=self.queue,
            capacity=self.slots,
            version=agentflow.__version__,
        )


def _renew(id: UUID) -> None:
    from agentflow.credentials.oauth import renew  # oauthlib is loaded where it is needed

    renew(id)


#: The host of this process, once it has one.
current: Host | None = None


class _Ear:
    """What the control channel's messages mean here."""

    def __init__(self, manager: ExecutionManager, isolated: IsolatedRunner) -> None:
        self._manager = manager
        self._isolated = isolated

    def hear(self, message: str) -> None:
        kind, _, rest = message.partition(":")
        try:
            if kind == "work":
                self._manager.ring()
            elif kind == "cancel":
                self._manager.cancel(UUID(rest))
            elif kind == "answer":
                execution, _, answer = rest.partition(":")
                self._manager.answer(UUID(execution), UUID(answer))
            elif kind == "node":
                self._isolated.ring(UUID(rest))
        except ValueError:
            logger.warning("control message not understood", extra={"action": "control_unknown"})


def _run_through(loop: asyncio.AbstractEventLoop, core: asyncio.Task[None]) -> None:
    """Run the core to its end. A task of a block's own that asks to exit ends itself and not the worker."""
    while not core.done():
        try:
            loop.run_until_complete(core)
        except (SystemExit, KeyboardInterrupt):
            if core.done():
                raise
            logger.warning("a task of a block asked to exit", exc_info=True, extra={"action": "exit_ignored"})


async def _guarded(wanted: Coroutine[Any, Any, Any], core: Iterable[asyncio.Task[None]]) -> None:
    """Return when it is done; raise when a core task ends before."""
    task = asyncio.create_task(wanted)
    done, _ = await asyncio.wait({task, *core}, return_when=asyncio.FIRST_COMPLETED)
    for ended in done - {task}:
        error = None if ended.cancelled() else ended.exception()
        raise RuntimeError(f"{ended.get_name()} ended") from error
    await task


async def _end(core: Iterable[asyncio.Task[None]]) -> None:
    """Cancel the tasks until all have ended: a cancellation that reaches the Redis client in a round trip may get lost."""
    left = set(core)
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=CANCEL_SECONDS)


def _core_tasks(**coroutines: Coroutine[Any, Any, None]) -> list[asyncio.Task[None]]:
    return [asyncio.create_task(coroutine, name=name) for name, coroutine in coroutines.items()]


def _committed(bell: Bell, traces: "tracing.Traces | None", done: Sequence[tuple[Ledger, Batch]]) -> None:
    """Tell everybody who wants to know."""
    if traces is not None:
        traces.take(done)
    for ledger, batch in done:
        if not batch.is_empty:
            has_ended = batch.ending is not None and batch.ending.status in FINAL
            is_told = has_ended or batch.parking is not None
            graph = ledger.graph if is_told else None
            bell.wake(ledger.execution, batch.seq, graph=graph, is_over=has_ended)
