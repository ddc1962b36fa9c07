"""RQ entry points of what is sent: an id in, nothing out. They hand it to threads, so that tickets need not wait.

The rows say what is to be done and by whom; a job that is lost, or that comes twice, changes nothing.
"""

import logging
from collections.abc import Callable
from uuid import UUID

import redis
from django.db import connections, transaction
from django_rq import get_queue

from agentflow import wake
from executions.threads import Threads
from executions.tickets import TICKETS

logger = logging.getLogger(__name__)

SEND = "agentflow.notifications.jobs.send"
CALL = "agentflow.notifications.jobs.call"
#: Messages that one worker sends at once.
MOST_AT_ONCE = 4

_threads = Threads("post", usual=MOST_AT_ONCE)


def send(channel: str) -> None:
    """Send what is due by a channel."""
    from agentflow.notifications.sending import send_due

    _threads.submit(_alone, send_due, UUID(channel))


def call(hook: str) -> None:
    """Call a hook for what is due."""
    from agentflow.notifications.hooks import call_due

    _threads.submit(_alone, call_due, UUID(hook))


def enqueue(entry_point: str, id: UUID) -> None:
    """Ring after the commit; without Redis a chore rings again."""
    transaction.on_commit(lambda: ring(entry_point, id))


def ring(entry_point: str, id: UUID) -> None:
    """Put the job into the queue, once as long as it lies there."""
    name = f"{entry_point.rpartition('.')[2]}-{id}"
    try:
        queue = get_queue(TICKETS, connection=wake.connection())
        queue.enqueue_call(entry_point, (str(id),), job_id=name, result_ttl=0, failure_ttl=3_600, timeout=60)
    except redis.RedisError:
        logger.warning("job not sent", extra={"action": "post_failed", "job": name})


def _alone(act: Callable[[UUID], object], id: UUID) -> None:
    """In a thread: log what goes wrong, leave no connection behind."""
    try:
        act(id)
    except Exception:
        logger.exception("not sent", extra={"action": "post_failed", "id": str(id)})
    finally:
        connections.close_all()
