"""Pausing and going on: a trigger that cannot start its graph is paused loudly, never deleted."""

import logging
from typing import Any

from agentflow.graphs.models import Graph
from agentflow.graphs.signals import trigger_paused
from agentflow.triggers.clock import now
from agentflow.triggers.models import MODELS, Chain, Schedule, Trigger
from agentflow.triggers.starting import GRAPH_GONE

logger = logging.getLogger(__name__)


def pause(trigger: Trigger, *, reason: str = "") -> None:
    """Let it start nothing more; with a reason it pauses by itself, and whoever listens is told.

    Call it inside a transaction that has locked the trigger's row.
    """
    trigger.paused_at = now()
    trigger.pause_reason = reason
    changed = ["paused_at", "pause_reason"]
    if isinstance(trigger, Schedule):
        trigger.due_at = None
        changed.append("due_at")
    trigger.save(update_fields=changed)
    if not reason:
        return
    logger.warning(
        "trigger paused: %s", reason, extra={"action": "trigger_paused", "kind": trigger.kind, "trigger": trigger.pk}
    )
    trigger_paused.send(
        type(trigger),
        graph=trigger.graph,
        owner=trigger.owner,
        kind=str(trigger.kind),
        trigger=trigger.pk,
        name=str(trigger),
        reason=reason,
    )


def pause_triggers_of(graph: Graph, **_: Any) -> None:
    """The graph is being deleted: its triggers stay, and say what they started."""
    for model in MODELS.values():
        for trigger in model.objects.select_for_update(of=("self",)).filter(graph=graph).order_by("pk"):
            trigger.graph_name = graph.name
            trigger.save(update_fields=["graph_name"])
            if trigger.paused_at is None:
                pause(trigger, reason=GRAPH_GONE)
    for chain in Chain.objects.select_for_update(of=("self",)).filter(source=graph, paused_at=None).order_by("pk"):
        pause(chain, reason="The graph that it follows was deleted.")
