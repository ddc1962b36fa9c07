"""The end of a worker that cannot keep its lease, from a thread that needs nothing of the event loop."""

import asyncio
import faulthandler
import logging
import os
import sys
import threading
import time
from contextlib import suppress
from uuid import UUID

import orjson
import psycopg
from django.conf import settings

from agentflow.database.silence import PatientConnection
from executions.database import conninfo
from executions.ending import CLOSE, CLOSE_OTHERS, FAIL
from executions.engine.status import Reason
from executions.recorder import Recorder

logger = logging.getLogger(__name__)

#: Exit status of a worker that gave up on itself.
EXIT_CRASHED = 70
#: The worker ends itself so long before its lease does.
MARGIN_SECONDS = 1.0
#: The event loop must answer within so long, else what holds it up is reported.
LOOK_SECONDS = 0.25
#: A look that comes so long after the one before was kept from coming.
LATE_SECONDS = 1.0
#: A step that holds the event loop for this part of the allowed time is why the lease was not renewed.
GUILTY_SHARE = 0.5
#: A database that is silent for so long while it is told keeps the worker from its end no longer.
ACCUSE_SECONDS = 1.0


class Watchdog(threading.Thread):
    """Ends the process when the lease was not renewed in time, whatever the event loop does.

    If one step of one execution held the loop all that time, that execution is failed first: else it would do the same
    to the next worker, and to everybody hosted there. A step that keeps even this thread from running, because it never
    gives Python's lock back, is ended with the process by a thread that needs no lock.
    """

    def __init__(self, worker: UUID, recorder: Recorder, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(name="watchdog", daemon=True)
        self._worker = worker
        self._recorder = recorder
        self._loop = loop
        self._stopped = threading.Event()
        #: When the loop was asked to answer, and whether it has.
        self._asked_at = 0.0
        self._has_answered = True
        #: What holds the loop up; empty: nothing does.
        self._culprit = ""
        #: For how long the loop was seen not to answer.
        self._held_seconds = 0.0
        #: The last look, and how much this process had worked until then.
        self._looked_at, self._worked = time.monotonic(), time.process_time()

    def run(self) -> None:
        """Look several times a second."""
        allowed = max(settings.LEASE_SECONDS - MARGIN_SECONDS, settings.LEASE_SECONDS / 2)
        while not self._stopped.wait(LOOK_SECONDS):
            _arm(settings.LEASE_SECONDS)
            self._look_at_loop()
            if time.monotonic() - self._recorder.renewed_at > allowed:
                if self._culprit and self._held_seconds > allowed * GUILTY_SHARE:
                    self._accuse(self._culprit)
                crash("the lease could not be renewed in time")

    def stop(self) -> None:
        """The worker has signed off."""
        self._stopped.set()
        if self.is_alive():
            self.join(LOOK_SECONDS)
        faulthandler.cancel_dump_traceback_later()

    def _look_at_loop(self) -> None:
        seconds = self._seconds_at_work()
        if self._has_answered:
            self._ask()
            return
        self._held_seconds += seconds
        if not self._culprit:
            task = asyncio.current_task(self._loop)
            self._culprit = task.get_name() if task is not None else "something"
            self._report("the event loop is held up by %s")

    def _seconds_at_work(self) -> float:
        """Since the last look, without the time in which the whole process stood still.

        A process that was paused, or whose machine slept, did not look and did not work: nobody is to blame for that.
        A step that keeps everything in the process from running, looks included, works.
        """
        now, worked = time.monotonic(), time.process_time()
        seconds, at_work = now - self._looked_at, worked - self._worked
        self._looked_at, self._worked = now, worked
        return min(seconds, at_work) if seconds > LATE_SECONDS else seconds

    def _ask(self) -> None:
        self._has_answered, self._asked_at, self._held_seconds = False, time.monotonic(), 0.0
        with suppress(RuntimeError):  # the loop is closed
            self._loop.call_soon_threadsafe(self._answer)

    def _answer(self) -> None:
        """On the loop."""
        if self._culprit:
            self._report("the event loop was held up by %s")
        self._has_answered, self._culprit = True, ""

    def _report(self, message: str) -> None:
        seconds = round(time.monotonic() - self._asked_at, 3)
        logger.warning(message, self._culprit, extra={"action": "loop_held_up", "seconds": seconds})

    def _accuse(self, name: str) -> None:
        """Fail the execution whose step blocks the loop; the step's task is named `<execution> <node>`."""
        logger.critical("the event loop is blocked by %s", name, extra={"action": "loop_blocked"})
        execution, _, node = name.partition(" ")
        try:
            parameters = {"ids": [UUID(execution)], "epoch": None, "reason": Reason.LIMIT.value, "error": _error(node)}
            self._recorder.cut()  # it may have locked the very row
            with PatientConnection.connect(
                conninfo("agentflow watchdog"), silence_seconds=ACCUSE_SECONDS
            ) as connection:
                if connection.execute(FAIL, parameters).rowcount:
                    connection.execute(CLOSE, parameters)
                    connection.execute(CLOSE_OTHERS, parameters)
        except (ValueError, psycopg.Error):
            logger.warning("nobody failed for it", exc_info=True, extra={"action": "accuse_failed"})


def crash(reason: str) -> None:
    """End the process at once; the lease's end gives its executions to others."""
    logger.critical("worker exits: %s", reason, extra={"action": "worker_crash"})
    logging.shutdown()
    os._exit(EXIT_CRASHED)


def _arm(seconds: float) -> None:
    """Unless called again within so long, the process ends; it says on standard error where each thread was."""
    if sys.__stderr__ is not None:
        faulthandler.dump_traceback_later(seconds, exit=True, file=sys.__stderr__)


def _error(node: str) -> str:
    detail = f"“{node}” kept the worker from everything else for so long that the worker had to be ended."
    problem = {"title": "A step blocked its worker", "detail": detail, "kind": "limit", "node": node}
    return orjson.dumps(problem).decode()
