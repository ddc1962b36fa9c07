"""Executions as far as the caller may see them, and as the API shows them."""

from collections.abc import Mapping, Sequence
from typing import Any, cast
from uuid import UUID

from django.contrib.auth.models import User
from django.db import connection
from django.db.models import QuerySet
from django.http import Http404
from rest_framework.request import Request
from rest_framework.reverse import reverse

from agentflow.graphs.permissions import get_graph, graphs_for
from executions.models import Execution, NodeExecution
from executions.rows import EXECUTION_COLUMNS, NODE_COLUMNS, execution_row
from executions.watched import WATCHED_COLUMNS, watched, watched_row

#: What no list reads.
PAYLOADS = ("inputs", "outputs", "events")
MOST_CHILDREN = 100
COST_BELOW = """
    WITH RECURSIVE below AS (
        SELECT id, cost FROM executions_execution WHERE parent_id = %s
        UNION ALL SELECT e.id, e.cost FROM executions_execution e JOIN below ON e.parent_id = below.id
    ) SELECT sum(cost) FROM below
"""


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


def started(request: Request, execution: UUID) -> dict[str, Any]:
    """The execution as it is now, with its outputs and its addresses."""
    return _started(request, Execution.objects.values(*EXECUTION_COLUMNS, "outputs").get(pk=execution), ("outputs",))


def detailed(request: Request, execution: UUID) -> dict[str, Any]:
    """The execution as it is now with what it was given, what happened to it, and what holds it up."""
    payloads = ("inputs", "outputs")
    values = watched(execution).values(*WATCHED_COLUMNS, *payloads).get()
    return {**_started(request, values, payloads), **watched_row(values), **_below(execution)}


def all_started(request: Request, executions: Sequence[UUID]) -> list[dict[str, Any]]:
    """The executions as they are now, in this order."""
    rows = {row["id"]: row for row in Execution.objects.filter(pk__in=executions).values(*EXECUTION_COLUMNS, "outputs")}
    return [_started(request, rows[id], ("outputs",)) for id in executions]


def _below(execution: UUID) -> dict[str, Any]:
    """What it has started, and what all of that has cost."""
    children = children_of(execution)
    return {"children": children, "cost_below": cost_below(execution) if children else None}


def cost_below(execution: UUID) -> str | None:
    """US dollars of the executions that it has started, directly or not; None: nothing."""
    with connection.cursor() as cursor:
        cursor.execute(COST_BELOW, [execution])
        (cost,) = cursor.fetchone()
    return str(cost) if cost else None


def children_of(execution: UUID) -> list[dict[str, Any]]:
    """Executions that nodes of this one have started, oldest first."""
    columns = ("id", "graph_id", "graph__name", "status", "parent_node")
    rows = list(Execution.objects.filter(parent=execution).order_by("pk").values(*columns)[:MOST_CHILDREN])
    found = NodeExecution.objects.filter(pk__in={row["parent_node"] for row in rows}) if rows else []
    nodes = {node.pk: node.node for node in found}
    return [
        {
            "id": row["id"],
            "graph": {"id": row["graph_id"], "name": row["graph__name"]},
            "node": nodes.get(row["parent_node"], ""),
            "status": row["status"],
        }
        for row in rows
    ]


def _started(request: Request, values: Mapping[str, Any], payloads: tuple[str, ...]) -> dict[str, Any]:
    return {
        **execution_row(values),
        **{name: values[name] for name in payloads},
        "outputs": values["outputs"] or {},
        "url": reverse("execution-detail", args=[values["id"]], request=request),
        "events_url": reverse("execution-events", args=[values["id"]], request=request),
    }


def caller(request: Request) -> User:
    """The user; permissions have seen to it that there is one."""
    return cast(User, request.user)
