"""What goes into the queues: admission tickets and isolated node runs, ids only."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django_rq import get_queue
from rq.job import Job

from agentflow import wake

#: The only functions that a job may name.
ENTRY_POINTS = frozenset(
    {
        "executions.jobs.admit",
        "executions.jobs.run_node",
        "agentflow.notifications.jobs.send",
        "agentflow.notifications.jobs.call",
    }
)
TICKETS, NODES = "default", "nodes"
#: Seconds for a node without a time limit of its own.
LONGEST_NODE_SECONDS = 24 * 3_600


class ForbiddenJob(Exception):
    """The job names a function that is none of our entry points."""


class TicketJob(Job):
    """A job that can only call our entry points: whoever can write to Redis must not choose code to run."""

    @property
    def func(self) -> Any:
        """The entry point; raises ForbiddenJob for anything else."""
        if self.func_name not in ENTRY_POINTS or self.instance is not None:
            raise ForbiddenJob(self.func_name)
        return super().func


def enqueue_ticket(execution: UUID) -> None:
    """Put an admission ticket for this execution into the queue."""
    _queue(TICKETS).enqueue_call(
        "executions.jobs.admit",
        (str(execution),),
        job_id=f"ticket-{execution}",
        result_ttl=0,
        failure_ttl=3_600,
        timeout=60,
    )


class NodeQueue:
    """The queue of isolated node runs."""

    def put(self, token: UUID, *, is_urgent: bool = False) -> None:
        """Offer the isolated run of a node to the node workers; an urgent one before those that wait."""
        _queue(NODES).enqueue_call(
            "executions.jobs.run_node",
            (str(token),),
            job_id=_node_job_id(token),
            at_front=is_urgent,
            result_ttl=0,
            failure_ttl=3_600,
            timeout=LONGEST_NODE_SECONDS + 60,
        )

    def withdraw(self, token: UUID) -> None:
        """Somebody has taken the job without its ticket."""
        job, queue = _node_job_id(token), _queue(NODES)
        with wake.connection().pipeline() as pipeline:
            queue.remove(job, pipeline=pipeline)
            pipeline.delete(TicketJob.key_for(job))
            pipeline.execute()

    def missing(self, tokens: Iterable[UUID]) -> list[UUID]:
        """Those that are not in the queue: taken this moment, or lost."""
        queued = set(_queue(NODES).get_job_ids())
        return [token for token in tokens if _node_job_id(token) not in queued]


def _queue(name: str) -> Any:
    """The queue, by the connection that nobody waits for long on."""
    return get_queue(name, connection=wake.connection())


def _node_job_id(token: UUID) -> str:
    return f"node-{token}"
