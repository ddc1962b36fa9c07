"""RQ's workers as we use them: one that hosts executions, one that runs isolated nodes in forked processes."""

import ctypes
import os
import signal
import time
from contextlib import suppress
from typing import Any
from uuid import UUID

from django.db import connections
from rq import SimpleWorker

from executions import host, jobs
from executions.keeping import DRAIN_SECONDS, Keeper, kill_group, kill_orphans
from executions.lasting import LastingWorker
from executions.lease import Lease

#: Seconds between looks at a worker that has no free slot.
FULL_SECONDS = 0.05
#: Seconds between signs of life to RQ while there is none.
HEARTBEAT_SECONDS = 15.0
PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36


class GraphWorker(LastingWorker, SimpleWorker):
    """Hosts many executions on a second thread; its jobs are tickets that only ring."""

    def bootstrap(self, *args: Any, **kwargs: Any) -> None:
        """Start the host, which needs no Redis, then sign on with RQ."""
        if host.current is None:
            self._install_signal_handlers()  # type: ignore[no-untyped-call]  # RQ's
            host.current = host.Host(queue=self.queues[0].name)
            host.current.start()
        super().bootstrap(*args, **kwargs)

    def request_stop(self, signum: Any, frame: Any) -> None:
        """Begin to hand over, and leave RQ's loop."""
        if host.current is not None:
            host.current.begin_stop()
        super().request_stop(signum, frame)

    def hurry(self) -> None:
        """Hand over at once, whatever runs."""
        if host.current is not None:
            host.current.hurry()

    def dequeue_job_and_maintain_ttl(self, *args: Any, **kwargs: Any) -> Any:
        """A worker without a free slot takes no tickets: others may."""
        beat_at = 0.0
        while host.current is not None and host.current.is_full and not self.is_stopping:
            if time.monotonic() - beat_at > HEARTBEAT_SECONDS:
                self.heartbeat()
                beat_at = time.monotonic()
            time.sleep(FULL_SECONDS)
        return super().dequeue_job_and_maintain_ttl(*args, **kwargs)

    def work(self, burst: bool = False, *args: Any, **kwargs: Any) -> bool:  # noqa: FBT001, FBT002 - RQ's
        """Work until asked to stop; in a burst, until nothing is left. The host needs no Redis."""
        try:
            has_worked = super().work(burst, *args, **kwargs)
            if not self.is_stopping and host.current is not None:
                host.current.finish()
            return has_worked
        finally:
            if host.current is not None:
                host.current.stop()
                host.current = None


class NodeWorker(LastingWorker):
    """Runs each isolated node in a forked process with limits that dies with its parent."""

    _lease: Lease
    #: Of the process that runs now.
    _keeper: Keeper | None = None

    def work(self, *args: Any, **kwargs: Any) -> bool:
        """Work until asked to stop; a row tells meanwhile that this process lives."""
        adopt_orphans()
        with Lease(self.queues[0].name) as self._lease:
            return super().work(*args, **kwargs)

    def request_stop(self, signum: Any, frame: Any) -> None:
        """Let the node that runs end within the grace; else another worker begins it anew."""
        if self._keeper is not None:
            self._keeper.stop_within(DRAIN_SECONDS)
        super().request_stop(signum, frame)

    def hurry(self) -> None:
        """Another worker begins the node anew."""
        if self._keeper is not None:
            self._keeper.stop_within(0)

    def execute_job(self, *args: Any, **kwargs: Any) -> None:
        """Fork for the job; no database connection is shared with the fork, and nothing that it started outlives it."""
        connections.close_all()
        super().execute_job(*args, **kwargs)

    def fork_work_horse(self, job: Any, queue: Any) -> None:
        """Fork while the lease's thread holds nothing that the other process would wait for; then watch over it."""
        with self._lease.still():
            super().fork_work_horse(job, queue)
        with suppress(Exception):  # a job that is none of ours fails by itself
            self._keeper = Keeper(UUID(job.args[0]), self.horse_pid)
            if self.is_stopping:
                self._keeper.stop_within(DRAIN_SECONDS)
            self._keeper.start()

    def monitor_work_horse(self, job: Any, queue: Any) -> None:
        """Wait for the end of the process, and tidy up behind it."""
        process = self.horse_pid
        try:
            super().monitor_work_horse(job, queue)
        finally:
            kill_group(process)
            kill_orphans()
            if self._keeper is not None:
                self._keeper.end()
                self._keeper = None

    def main_work_horse(self, *args: Any, **kwargs: Any) -> None:
        """The forked process: bound it, then run the job."""
        die_with_parent()
        jobs.limit_resources()
        super().main_work_horse(*args, **kwargs)


def adopt_orphans() -> None:
    """Ask the kernel (Linux) to make this process the parent of what its children leave behind."""
    _prctl(PR_SET_CHILD_SUBREAPER, 1)


def die_with_parent() -> None:
    """Ask the kernel (Linux) to end this process when its parent ends."""
    parent = os.getppid()
    _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it ended meanwhile
        os._exit(1)


def _prctl(option: int, value: int) -> None:
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)
