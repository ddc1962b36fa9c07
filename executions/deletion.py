"""Deleting the executions of a graph, however many."""

from typing import Any

from django.db.models import F
from django.db.models.functions import Now

from agentflow.database.limits import patience
from agentflow.graphs.models import Graph
from executions.engine.status import Status
from executions.models import Approval, EndedRun, Execution, NodeExecution, NodeJob, Output


def delete_executions(graph: Graph, **_: Any) -> None:
    """Delete all executions of a graph, one statement per table.

    Django's own cascade would first read every row of them. A worker that is still at one finds its epoch gone and
    stops.
    """
    doomed = Execution.objects.filter(graph=graph)
    # First of all, and so locked: else a worker could add rows to one whose rows are deleted already.
    doomed.filter(ended_at=None).update(epoch=F("epoch") + 1)
    # Whoever waits for one of them finds it gone, and says so, as soon as it is looked at.
    waiting = Execution.objects.filter(children__graph=graph, status=Status.WAITING).exclude(graph=graph)
    waiting.update(status=Status.QUEUED, wake_at=None, queued_at=Now())
    Execution.objects.filter(parent__graph=graph).exclude(graph=graph).update(parent=None)
    Execution.objects.filter(retry_of__graph=graph).exclude(graph=graph).update(retry_of=None)
    for rows in (
        Approval.objects.filter(execution__in=doomed),
        Output.objects.filter(execution__in=doomed),
        NodeJob.objects.filter(execution__in=doomed),
        NodeExecution.objects.filter(execution__in=doomed),
        EndedRun.objects.filter(execution__in=doomed),
        doomed,
    ):
        with patience(0):  # a graph may have run a million times
            rows._raw_delete(rows.db)  # noqa: SLF001 - `delete` would collect what hangs on them
