"""RQ's workers as we use them: one that hosts executions, one that runs isolated nodes in forked processes."""

import ctypes
import os
import signal
import time
from typing import Any

from django.db import connections
from rq import SimpleWorker

from executions import host, jobs
from executions.lasting import LastingWorker
from executions.lease import Lease

#: Seconds between looks at a worker that has no free slot.
FULL_SECONDS = 0.05
#: Seconds between signs of life to RQ while there is none.
HEARTBEAT_SECONDS = 15.0
PR_SET_PDEATHSIG = 1


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

    def work(self, *args: Any, **kwargs: Any) -> bool:
        """Work until asked to stop; a row tells meanwhile that this process lives."""
        with Lease(self.queues[0].name) as self._lease:
            return super().work(*args, **kwargs)

    def execute_job(self, *args: Any, **kwargs: Any) -> None:
        """Fork for the job; no database connection is shared with the fork."""
        connections.close_all()
        super().execute_job(*args, **kwargs)

    def fork_work_horse(self, *args: Any, **kwargs: Any) -> None:
        """Fork while the lease's thread holds nothing that the other process would wait for."""
        with self._lease.still():
            super().fork_work_horse(*args, **kwargs)

    def main_work_horse(self, *args: Any, **kwargs: Any) -> None:
        """The forked process: bound it, then run the job."""
        die_with_parent()
        jobs.limit_resources()
        super().main_work_horse(*args, **kwargs)


def die_with_parent() -> None:
    """Ask the kernel (Linux) to end this process when its parent ends; elsewhere the beat finds it."""
    parent = os.getppid()
    try:
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    except (OSError, AttributeError):
        return
    if os.getppid() != parent:  # it ended meanwhile
        os._exit(1)
