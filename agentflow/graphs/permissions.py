"""Who may do what with a graph: its owner everything, others what their groups' roles and shares say."""

from django.contrib.auth.models import AnonymousUser, User
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404

from agentflow.accounts.access import Rank, rank, reachable, role_name, role_rank
from agentflow.graphs.models import Graph, GraphShare, Role

__all__ = ["LARGEST_ID", "Rank", "get_graph", "graphs_for", "rank", "role_name", "role_rank"]

LARGEST_ID = 2**63 - 1


def graphs_for(user: User | AnonymousUser, role: str = Role.VIEWER) -> QuerySet[Graph]:
    """Graphs with which the user may do what `role` may, each with its `role_rank`."""
    return reachable(Graph.objects.all(), user, shares=GraphShare, target="graph", role=role)


def get_graph(user: User | AnonymousUser, graph_id: int, role: str = Role.VIEWER) -> Graph:
    """The graph, if the user may do with it what `role` may.

    Raises:
        Http404: the user may not even see it, or there is none.
        PermissionDenied: the user's role is smaller.
    """
    if not 0 < graph_id <= LARGEST_ID:
        raise Http404
    graph = graphs_for(user).select_related("owner").filter(pk=graph_id).first()
    if graph is None:
        raise Http404
    if role_rank(graph) < rank(role):
        raise PermissionDenied(f"This needs the role {role}; yours is {role_name(graph)}.")
    return graph
