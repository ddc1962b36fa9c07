"""Sharing a graph with groups, and who owns it."""

from typing import Any

from django.contrib.auth.models import Group, User
from django.db import transaction
from django.dispatch import receiver

from agentflow.accounts import audit
from agentflow.accounts.signals import group_left
from agentflow.graphs.models import Graph, GraphShare


def share(graph: Graph, *, group: Group, role: str, by: User) -> GraphShare:
    """Let the group's members do what the role may, as far as their own role in the group goes."""
    with transaction.atomic():
        made, _ = GraphShare.objects.update_or_create(graph=graph, group=group, defaults={"role": role})
        audit.record(by, "shared", graph, detail={"group": group.name, "role": role})
    return made


def unshare(graph: Graph, *, group: Group, by: User) -> None:
    """Take it back."""
    with transaction.atomic():
        if GraphShare.objects.filter(graph=graph, group=group).delete()[0]:
            audit.record(by, "unshared", graph, detail={"group": group.name})


def give_to_group(graph: Graph, *, group: Group | None, by: User) -> None:
    """The group owns the graph together with its owner; None: the owner alone does."""
    with transaction.atomic():
        Graph.objects.filter(pk=graph.pk).update(group=group)
        audit.record(by, "gave", graph, detail={"group": group.name if group else None})


@receiver(group_left)
def pass_on(group: Group, user: User, heir: User | None, **_: Any) -> None:
    """What somebody owns with a group stays with it when they leave."""
    if heir is not None:
        Graph.objects.filter(group=group, owner=user).update(owner=heir)
