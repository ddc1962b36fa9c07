"""Triggers that paused by themselves: told to their owner and to whoever cares for the graph."""

from typing import Any

from django.contrib.auth.models import User
from django.urls import reverse

from agentflow.graphs.models import Graph
from agentflow.notifications.audience import audience
from agentflow.notifications.kinds import Kind
from agentflow.notifications.noticing import notice


def tell_paused(
    *, graph: Graph | None, owner: User | None, kind: str, trigger: int, name: str, reason: str, **_: Any
) -> None:
    """Tell, in the transaction that pauses it."""
    if graph is not None:
        people = audience(graph, *([owner] if owner else []))
    else:
        people = [owner] if owner is not None and owner.is_active else []
    notice(
        people,
        kind=Kind.PAUSED,
        title=f"The {kind} “{name}” was paused",
        text=reason,
        graph=graph,
        path=reverse("canvas", args=[graph.pk]) if graph else "",
    )
