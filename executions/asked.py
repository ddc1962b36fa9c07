"""Questions to people as far as a user may see them."""

from typing import Any

from django.db.models import F, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import Http404

from agentflow.graphs.models import Node, Role
from agentflow.graphs.permissions import get_graph, graphs_for
from executions.models import Approval

STATES = {
    "open": Q(decided_at=None, closed_at=None),
    "decided": Q(decided_at__isnull=False),
    "closed": Q(decided_at=None, closed_at__isnull=False),
}


def visible(user: Any, role: str = Role.VIEWER) -> QuerySet[Approval]:
    """Questions of the graphs with which the user may do what `role` may; runners decide."""
    return Approval.objects.filter(execution__graph__in=graphs_for(user, role).values("pk"))


def found(user: Any, approval: Any, role: str = Role.VIEWER) -> Approval:
    """The question, if the caller has this role in its graph.

    Raises:
        Http404: there is none, or the caller may not see it.
        PermissionDenied: the caller's role is smaller.
    """
    row = Approval.objects.select_related("execution", "node_execution").filter(pk=approval).first()
    if row is None:
        raise Http404
    get_graph(user, row.execution.graph_id, role)
    return row


def titled(approvals: QuerySet[Approval]) -> QuerySet[Approval]:
    """With what the node that asks is called now as `node_title`: its title, else its key."""
    node = Node.objects.filter(graph=OuterRef("execution__graph"), key=OuterRef("node_execution__node")).exclude(
        title=""
    )
    return approvals.annotate(node_title=Coalesce(Subquery(node.values("title")[:1]), F("node_execution__node")))
