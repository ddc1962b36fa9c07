"""The end of a worker that cannot keep its lease, from a thread that needs nothing of the event loop."""

import asyncio
import logging
import os
import threading
import time
from typing import Any
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
LOOK_SECONDS = 0.25
#: A step that holds the event loop for this part of the allowed time is why the lease was not renewed.
GUILTY_SHARE = 0.5
#: A database that is silent for so long while it is told keeps the worker from its end no longer.
ACCUSE_SECONDS = 1.0


class Watchdog(threading.Thread):
    """Ends the process when the lease was not renewed in time, whatever the event loop does.

    If one step of one execution held the loop all that time, that execution is failed first: else it would do the same
    to the next worker, and to everybody hosted there.
    """

    def __init__(self, worker: UUID, recorder: Recorder, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(name="watchdog", daemon=True)
        self._worker = worker
        self._recorder = recorder
        self._loop = loop
        self._stopped = threading.Event()
        #: What the loop was at during the last looks, and since when.
        self._task: asyncio.Task[Any] | None = None
        self._since = time.monotonic()

    def run(self) -> None:
        """Look several times a second."""
        allowed = max(settings.LEASE_SECONDS - MARGIN_SECONDS, settings.LEASE_SECONDS / 2)
        while not self._stopped.wait(LOOK_SECONDS):
            task = asyncio.current_task(self._loop)
            if task is not self._task:
                self._task, self._since = task, time.monotonic()
            if time.monotonic() - self._recorder.renewed_at > allowed:
                if task is not None and time.monotonic() - self._since > allowed * GUILTY_SHARE:
                    self._accuse(task.get_name())
                crash("the lease could not be renewed in time")

    def stop(self) -> None:
        """The worker has signed off."""
        self._stopped.set()

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


def _error(node: str) -> str:
    detail = f"“{node}” kept the worker from everything else for so long that the worker had to be ended."
    problem = {"title": "A step blocked its worker", "detail": detail, "kind": "limit", "node": node}
    return orjson.dumps(problem).decode()
