"""The parent's watch over the process of one node: it says that the process lives, and ends it when nobody wants it.

It is the parent that says so, because a block may keep its own process from saying anything, or close what it says it by.
"""

import logging
import os
import signal
import socket
import threading
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

from django.db import Error, connection
from django.db.models.functions import Now

from agentflow import wake
from agentflow.database.limits import patience
from executions.models import NodeJob
from executions.tickets import NodeQueue

logger = logging.getLogger(__name__)

#: How often it looks, in seconds.
BEAT_SECONDS = 0.5
#: The host takes the process for gone after as long without a beat: then it must be.
SILENT_SECONDS = 5.0
#: What a node may still take when its worker is asked to stop.
DRAIN_SECONDS = 10.0
#: A beat so long ago that the process is gone without doubt.
NEVER = datetime(1970, 1, 1, tzinfo=UTC)


def holder(process: int) -> str:
    """How a job names the process that runs it."""
    return f"{socket.gethostname()}-{process}"


class Keeper(threading.Thread):
    """Keeps one forked process; started after the fork, ended before the next one."""

    def __init__(self, token: UUID, process: int) -> None:
        super().__init__(name="keeper", daemon=True)
        self._token = token
        self._process = process
        self._ended = threading.Event()
        #: When a worker that was asked to stop takes the node from the process, by the monotonic clock.
        self._deadline: float | None = None

    def stop_within(self, seconds: float) -> None:
        """The worker stops: the node may go on for so long, then another worker begins it anew."""
        self._deadline = time.monotonic() + seconds

    def run(self) -> None:
        """Look until the process has ended."""
        beat_at = time.monotonic()
        while not self._ended.wait(BEAT_SECONDS):
            try:
                with patience(SILENT_SECONDS / 2):
                    is_wanted = self._beat() and not (self._is_time_over() and self._may_begin_anew())
                beat_at = time.monotonic()
            except Error:
                connection.close()
                is_wanted = time.monotonic() - beat_at < SILENT_SECONDS
            if not is_wanted:
                kill_group(self._process)
        connection.close()

    def end(self) -> None:
        """The process has ended; if without an answer, its host is told, or another worker gets the node."""
        self._ended.set()
        self.join()
        try:
            with patience(SILENT_SECONDS / 2):
                self._settle()
        except Error as error:
            connection.close()
            logger.warning("end of a node not told: %s", error, extra={"action": "node_end_untold"})

    def _beat(self) -> bool:
        """Say that the process lives; whether the job is still wanted."""
        jobs = NodeJob.objects.filter(pk=self._token)
        return bool(jobs.filter(claimed_by=holder(self._process)).update(beat_at=Now())) or jobs.exists()

    def _is_time_over(self) -> bool:
        return self._deadline is not None and time.monotonic() > self._deadline

    def _may_begin_anew(self) -> bool:
        """A step that must happen once is waited for, however long it takes."""
        payload = NodeJob.objects.filter(pk=self._token).values_list("payload", flat=True).first()
        return not (payload or {}).get("once")

    def _settle(self) -> None:
        left = NodeJob.objects.filter(pk=self._token, claimed_by=holder(self._process), ended_at=None)
        if self._deadline is not None and self._may_begin_anew():
            if left.update(claimed_at=None, claimed_by="", beat_at=None):
                with suppress(Exception):  # a queue that is away: the host offers it again
                    NodeQueue().put(self._token)
        elif left.update(beat_at=NEVER):
            wake.ring(wake.CONTROL_CHANNEL, f"node:{self._token}")


def kill_group(process: int) -> None:
    """End the process and those of its group, at once."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process, signal.SIGKILL)


def kill_orphans() -> None:
    """End what blocks have started and left (Linux, where they come to this process when their parent ends)."""
    while children := _children():
        for child in children:
            with suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
            with suppress(ChildProcessError):
                os.waitpid(child, 0)


def _children() -> list[int]:
    try:
        return [
            int(child)
            for task in Path("/proc/self/task").iterdir()
            for child in (task / "children").read_text().split()
        ]
    except OSError:
        return []
