"""Statuses of executions and node executions, and the legal ways between them."""

from enum import StrEnum


class Status(StrEnum):
    """Where an execution or a node execution stands."""

    QUEUED = "queued"
    RUNNING = "running"
    WAITING = "waiting"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    #: Node executions only.
    SKIPPED = "skipped"


FINAL = frozenset({Status.COMPLETED, Status.FAILED, Status.CANCELLED, Status.SKIPPED})
ACTIVE = frozenset(Status) - FINAL

#: Execution status -> the statuses that may follow. Back to QUEUED: a lease was lost.
EXECUTION_TRANSITIONS = {
    Status.QUEUED: frozenset({Status.RUNNING, Status.FAILED, Status.CANCELLED}),
    Status.RUNNING: frozenset({Status.QUEUED, Status.WAITING, Status.COMPLETED, Status.FAILED, Status.CANCELLED}),
    Status.WAITING: frozenset({Status.QUEUED, Status.RUNNING, Status.FAILED, Status.CANCELLED}),
}


class Reason(StrEnum):
    """Why an execution FAILED."""

    NODE = "node"
    LIMIT = "limit"
    TIMEOUT = "timeout"
    BUDGET = "budget"
    INVALID = "invalid"
    LOST = "lost"
