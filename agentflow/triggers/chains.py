"""Starts graphs when runs of others have ended: a follower of ended runs."""

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction

from agentflow.graphs.models import Graph
from agentflow.graphs.permissions import graphs_for
from agentflow.triggers.clock import now
from agentflow.triggers.mapping import mapped
from agentflow.triggers.models import After, Chain
from agentflow.triggers.pausing import pause
from agentflow.triggers.starting import CannotStart, start
from executions import followers
from executions.engine.status import Status
from executions.models import Execution
from executions.origin import trigger_of

logger = logging.getLogger(__name__)

FOLLOWER = "chains"
#: What an address of a mapping may begin with, and what that is.
SOURCES: Mapping[str, str] = {
    "outputs": "what the other run gave, by the names of its outputs",
    "inputs": "what the other run was given",
    "status": "completed or failed",
    "error": "why it failed: title, detail, node",
    "execution": "the other run's id",
    "graph": "the other graph: id, name",
}
ENDINGS = {Status.COMPLETED: (After.SUCCESS, After.EITHER), Status.FAILED: (After.FAILURE, After.EITHER)}
#: Runs that start each other, one after the other.
LONGEST = 16
TOO_LONG = f"Graphs start each other in a circle: {LONGEST} runs one after the other. The last one was not started."
SOURCE_UNSEEN = "Its owner does not see the graph that it follows any more."


def follow(source: Graph) -> None:
    """Have every ending of the graph's runs told."""
    followers.follow(source, name=FOLLOWER)


def unfollow(source: int | None) -> None:
    """Nobody needs to know any more, unless another chain does."""
    if source is not None and not Chain.objects.filter(source=source).exists():
        followers.unfollow(source, name=FOLLOWER)


def runs_ended(runs: Sequence[Execution]) -> None:
    """Start what follows these runs; inside a transaction, so that each is followed once."""
    for run in runs:
        after = ENDINGS.get(Status(run.status), ()) if run.parent_id is None else ()
        if not after:
            continue
        found = Chain.objects.select_for_update(of=("self",)).select_related("owner", "graph", "source")
        for chain in found.filter(source=run.graph_id, after__in=after, paused_at=None).order_by("pk"):
            _fire(chain, run)


def _fire(chain: Chain, run: Execution) -> None:
    try:
        with transaction.atomic():
            if chain.owner and not graphs_for(chain.owner).filter(pk=run.graph_id).exists():
                raise CannotStart(SOURCE_UNSEEN)
            if is_too_long(run):
                raise CannotStart(TOO_LONG)
            execution = start(chain, mapped(chain.mapping, event_of(run)), key=str(run.pk))
    except CannotStart as error:
        pause(chain, reason=str(error))
    else:
        chain.last_started_at, chain.last_execution = now(), execution.pk
        chain.save(update_fields=["last_started_at", "last_execution"])


def event_of(run: Execution) -> dict[str, Any]:
    """What a mapping may take of a run."""
    return {
        "outputs": run.outputs or {},
        "inputs": run.inputs,
        "status": run.status,
        "error": run.error,
        "execution": str(run.pk),
        "graph": {"id": run.graph_id, "name": run.graph.name},
    }


def is_too_long(run: Execution) -> bool:
    """Whether so many runs have started each other that they would never stop."""
    trigger, key = run.trigger, run.idempotency_key
    for _ in range(LONGEST):
        if trigger != Chain.kind or trigger_of(trigger, key) is None:
            return False
        before = key.split(":")[2]
        row = Execution.objects.filter(pk=before).values_list("trigger", "idempotency_key").first() if before else None
        if row is None:
            return False
        trigger, key = row
    return True
