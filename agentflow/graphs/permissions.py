"""Who may do what with a graph: its owner everything, others what their groups' shares say."""

from enum import IntEnum
from typing import Any

from django.contrib.auth.models import AnonymousUser, User
from django.core.exceptions import PermissionDenied
from django.db.models import Case, IntegerField, OuterRef, Q, QuerySet, Subquery, Value, When
from django.db.models.functions import Coalesce
from django.http import Http404

from agentflow.graphs.models import Graph, GraphShare, Role

LARGEST_ID = 2**63 - 1


class Rank(IntEnum):
    """Roles in order; each includes the ones below."""

    VIEWER = 1
    RUNNER = 2
    EDITOR = 3
    OWNER = 4


def graphs_for(user: User | AnonymousUser, role: str = Role.VIEWER) -> QuerySet[Graph]:
    """Graphs with which the user may do what `role` may, each with its `role_rank`."""
    if not user.is_authenticated:
        return Graph.objects.none()
    if user.is_superuser:
        return Graph.objects.annotate(role_rank=Value(int(Rank.OWNER)))
    allowed = [name for name in Role.values if Rank[name.upper()] >= rank(role)]
    shared = GraphShare.objects.filter(group__user=user, role__in=allowed).values("graph")
    return Graph.objects.filter(Q(owner=user) | Q(pk__in=shared)).annotate(role_rank=_role_rank(user))


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


def rank(role: str) -> Rank:
    """A role's place in the order."""
    return Rank[role.upper()]


def role_rank(graph: Graph) -> Rank:
    """The role that `graphs_for` found for its user."""
    found: Any = graph
    return Rank(found.role_rank)


def role_name(graph: Graph) -> str:
    """The same as a word: viewer, runner, editor or owner."""
    return role_rank(graph).name.lower()


def _role_rank(user: User) -> Case:
    ranks = Case(
        *(When(role=name, then=Value(int(Rank[name.upper()]))) for name in Role.values), output_field=IntegerField()
    )
    best = GraphShare.objects.filter(graph=OuterRef("pk"), group__user=user).annotate(rank=ranks).order_by("-rank")
    return Case(
        When(owner=user, then=Value(int(Rank.OWNER))),
        default=Coalesce(Subquery(best.values("rank")[:1]), Value(0)),
        output_field=IntegerField(),
    )
