"""RQ's workers as we use them: one that hosts executions, one whose forked processes run isolated nodes."""

import time
from typing import Any

from django.conf import settings
from rq.defaults import DEFAULT_WORKER_TTL

from executions import crew, host
from executions.lasting import LastingWorker
from executions.lease import Lease
from executions.orphans import adopt_orphans

#: Seconds between looks at a worker that has no free slot.
FULL_SECONDS = 0.05
#: Seconds between signs of life to RQ while there is none.
HEARTBEAT_SECONDS = 15.0


class GraphWorker(LastingWorker):
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
    """Has isolated nodes run in processes of its own, which can be ended; its jobs only hand them over."""

    def work(self, *args: Any, **kwargs: Any) -> bool:
        """Work until asked to stop; a row tells meanwhile that this process lives."""
        adopt_orphans()
        with Lease(self.queues[0].name, capacity=settings.NODE_PROCESSES) as lease:
            crew.current = crew.Crew(settings.NODE_PROCESSES, lease.still)
            crew.current.start()
            try:
                return super().work(*args, **kwargs)
            finally:
                crew.current.end()
                crew.current.join()
                crew.current = None

    def request_stop(self, signum: Any, frame: Any) -> None:
        """Let the nodes that run end within the grace; else another worker begins them anew."""
        if crew.current is not None:
            crew.current.stop_within(crew.DRAIN_SECONDS)
        super().request_stop(signum, frame)

    def hurry(self) -> None:
        """Another worker begins the nodes anew."""
        if crew.current is not None:
            crew.current.stop_within(0)

    def dequeue_job_and_maintain_ttl(self, *args: Any, **kwargs: Any) -> Any:
        """A worker whose processes are all at work takes no tickets: others may."""
        while crew.current is not None and crew.current.is_full and not self.is_stopping:
            self.heartbeat()
            crew.current.wait_for_room(HEARTBEAT_SECONDS)
        return super().dequeue_job_and_maintain_ttl(*args, **kwargs)

    def get_heartbeat_ttl(self, job: Any) -> int:
        """Handing over takes a moment, however long the node runs."""
        return DEFAULT_WORKER_TTL
