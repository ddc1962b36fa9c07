"""Runs that have ended, as followers are told of them."""

from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from agentflow.graphs.models import Graph
from agentflow.notifications.following import tell_endings
from executions.engine.status import Status
from executions.models import Execution
from tests.executions import recorded


def ended(graph: Graph, status: Status, *, at: datetime | None = None, **fields: Any) -> Execution:
    """A run that is over."""
    fields.setdefault("trigger", "schedule")
    fields.setdefault("error", {"title": "The node failed", "detail": "no such host", "node": "a"})
    return recorded.execution(graph, status=status, ended_at=at or timezone.now(), **fields)


def fail(graph: Graph, *, minutes: float = 0, **fields: Any) -> Execution:
    """A run that failed so many minutes from now, and was told."""
    run = ended(graph, Status.FAILED, at=timezone.now() + timedelta(minutes=minutes), **fields)
    tell_endings([run])
    return run


def complete(graph: Graph, *, minutes: float = 0) -> Execution:
    """A run that completed, and was told."""
    run = ended(graph, Status.COMPLETED, at=timezone.now() + timedelta(minutes=minutes), error=None)
    tell_endings([run])
    return run
