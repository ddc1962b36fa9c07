"""Executions as far as the caller may see them, and as the API shows them."""

from typing import Any, cast
from uuid import UUID

from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.http import Http404
from rest_framework.request import Request
from rest_framework.reverse import reverse

from agentflow.graphs.permissions import get_graph, graphs_for
from executions.models import Execution, NodeExecution
from executions.rows import EXECUTION_COLUMNS, NODE_COLUMNS, execution_row

#: What no list reads.
PAYLOADS = ("inputs", "outputs", "events")


def visible(user: Any) -> QuerySet[Execution]:
    """Executions of the graphs that the user sees."""
    return Execution.objects.filter(graph__in=graphs_for(user).values("pk"))


def found(user: Any, execution: UUID, role: str = "viewer") -> Execution:
    """The execution without payloads, if the caller has this role in its graph.

    Raises:
        Http404: there is none, or the caller may not see it.
        PermissionDenied: the caller's role is smaller.
    """
    run = Execution.objects.defer(*PAYLOADS).filter(pk=execution).first()
    if run is None:
        raise Http404
    get_graph(user, run.graph_id, role)
    return run


def found_node(run: Execution, node_execution: UUID) -> NodeExecution:
    """A node execution of this execution; raises Http404."""
    columns = (*NODE_COLUMNS, "execution_id", "arrivals", "log")
    row = NodeExecution.objects.only(*columns).filter(execution=run, pk=node_execution).first()
    if row is None:
        raise Http404
    return row


def started(request: Request, execution: UUID, *, payloads: tuple[str, ...] = ("outputs",)) -> dict[str, Any]:
    """The execution as it is now, with these payloads and its addresses."""
    values = Execution.objects.values(*EXECUTION_COLUMNS, *payloads).get(pk=execution)
    given = {name: values[name] for name in payloads}
    return {
        **execution_row(values),
        **given,
        "outputs": values["outputs"] or {},
        "url": reverse("execution-detail", args=[execution], request=request),
        "events_url": reverse("execution-events", args=[execution], request=request),
    }


def caller(request: Request) -> User:
    """The user; permissions have seen to it that there is one."""
    return cast(User, request.user)
