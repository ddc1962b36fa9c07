"""RQ's worker as far as Redis may be away, empty, full or silent: it goes on, and tries again within seconds."""

import time
from contextlib import suppress
from types import FrameType
from typing import Any

from redis.exceptions import RedisError
from rq import SimpleWorker
from rq.exceptions import StopRequested

from agentflow.wake import once_more
from executions.tickets import TicketJob

#: Seconds for which one command to Redis waits for a job; a connection that nothing comes back on is noticed soon after.
DEQUEUE_SECONDS = 3
SILENT_SECONDS = DEQUEUE_SECONDS + 2
RETRY_SECONDS = 1.0
#: Two signals within so long are one.
DOUBLE_SECONDS = 1.0


class LastingWorker(SimpleWorker):
    """Works until it is asked to stop, whatever Redis does; its jobs are tickets, which take a moment and need no fork."""

    job_class = TicketJob
    dequeue_timeout = DEQUEUE_SECONDS
    connection_timeout = SILENT_SECONDS
    max_connection_wait_time = 2 * RETRY_SECONDS
    #: Asked to stop by a signal.
    is_stopping = False
    _asked_at = 0.0

    def work(self, burst: bool = False, *args: Any, **kwargs: Any) -> bool:  # noqa: FBT001, FBT002 - RQ's
        """Work until asked to stop; in a burst, until nothing is left.

        While Redis is away, RQ's loop ends now and then and is begun anew.
        """
        is_bounded = burst or bool(kwargs.get("max_jobs") or kwargs.get("max_idle_time"))
        has_worked = False
        with suppress(StopRequested):  # it may come between RQ's loops
            while not self.is_stopping:
                with suppress(RedisError):
                    has_worked = super().work(burst, *args, **kwargs)
                    if is_bounded:
                        break
                if not self.is_stopping:
                    self.log.warning("queue away, it is tried again")
                    self._forget_subscription()
                    time.sleep(RETRY_SECONDS)
        return has_worked

    def request_stop(self, signum: Any, frame: Any) -> None:
        """Leave RQ's loop for good."""
        self.is_stopping = True
        self._asked_at = time.monotonic()
        super().request_stop(signum, frame)  # type: ignore[no-untyped-call]  # RQ's

    def request_force_stop(self, signum: int, frame: FrameType | None) -> None:
        """Asked again: wait for nothing. Twice at once, by a terminal and a supervisor say, is once."""
        if time.monotonic() - self._asked_at >= DOUBLE_SECONDS:
            self.hurry()

    def hurry(self) -> None:
        """What still runs is not waited for."""

    def register_birth(self) -> None:
        """Sign on; again under the same name after Redis was away."""
        if self.birth_date is not None:
            self.connection.delete(self.key)
        super().register_birth()  # type: ignore[no-untyped-call]  # RQ's

    def _set_connection(self, connection: Any) -> Any:
        """RQ sees to the time limit; that a command is not tried for minutes is up to us."""
        connection.set_retry(once_more())
        return super()._set_connection(connection)

    def _set_ip_address(self, connection: Any) -> None:
        """Ask Redis for the own address; a Redis that is away keeps no worker from starting."""
        try:
            super()._set_ip_address(connection)
        except RedisError:
            self.ip_address = "unknown"

    def _forget_subscription(self) -> None:
        """End the thread of a subscription that RQ could not give back; it is made anew."""
        thread: Any = self.pubsub_thread
        if thread is not None:
            thread.stop()
