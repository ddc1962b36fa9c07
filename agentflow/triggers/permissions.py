"""Who may do what with a trigger: what they may do with its graph; its owner keeps it when the graph is gone."""

from typing import Any, TypeVar

from django.contrib.auth.models import AnonymousUser, User
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import Http404

from agentflow.graphs.models import Role
from agentflow.graphs.permissions import LARGEST_ID, Rank, graphs_for, rank
from agentflow.triggers.models import Trigger, Webhook

AnyTrigger = TypeVar("AnyTrigger", bound=Trigger)


def triggers_for(model: type[AnyTrigger], user: User | AnonymousUser) -> QuerySet[AnyTrigger]:
    """Triggers of graphs that the user sees, and the user's own."""
    rows: Any = model._default_manager.select_related("owner", "graph")  # noqa: SLF001 - Django's public name
    if issubclass(model, Webhook):
        rows = rows.select_related("credential")
    if not user.is_authenticated:
        return rows.none()  # type: ignore[no-any-return]  # of the model
    if user.is_superuser:
        return rows  # type: ignore[no-any-return]  # as above
    seen = graphs_for(user).values("pk")
    return rows.filter(Q(graph__in=seen) | Q(owner=user))  # type: ignore[no-any-return]  # as above


def get_trigger(model: type[AnyTrigger], user: User | AnonymousUser, pk: int, role: str = Role.VIEWER) -> AnyTrigger:
    """The trigger, if the user may do with it what `role` may.

    Raises:
        Http404: the user may not even see it, or there is none.
        PermissionDenied: the user's role is smaller.
    """
    found = triggers_for(model, user).filter(pk=pk).first() if 0 < pk <= LARGEST_ID else None
    if found is None:
        raise Http404
    mine = rank_of(found, user)
    if mine < rank(role):
        raise PermissionDenied(f"This needs the role {role}; yours is {mine.name.lower()}.")
    return found


def rank_of(trigger: Trigger, user: User | AnonymousUser) -> Rank:
    """The user's role; of one whose graph is gone or out of reach the owner may still change everything."""
    if user.is_superuser or (user.is_authenticated and trigger.owner_id == user.pk):
        return Rank.EDITOR
    graph: Any = graphs_for(user).filter(pk=trigger.graph_id or 0).only("pk").first()
    return Rank(graph.role_rank) if graph else Rank.VIEWER
