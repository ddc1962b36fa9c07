"""Executions that a node of another one starts: `graph.run` and whoever else runs a graph."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib.auth.models import User
from django.db import Error, connection, transaction

from agentflow.graphs.models import Role
from agentflow.graphs.permissions import graphs_for
from agentflow.graphs.services import version_for_run
from blocks.base import BlockError
from executions.models import Execution
from executions.starting import StartRefused, announce, checked_inputs, refuse_unpaid


@dataclass(frozen=True, slots=True)
class Wanted:
    """The run of another graph that a node asks for."""

    id: UUID
    parent: UUID
    #: Of the parent, for whoever asks to prove that it may.
    epoch: int
    parent_node: UUID
    graph: int
    inputs: Mapping[str, Any]
    #: Node executions that the parent has left.
    node_limit: int
    #: Executions that may start each other, counted from the outermost.
    depth_limit: int


def start_child(wanted: Wanted) -> None:
    """Start the graph's published version, else its draft, for a node that waits for it; from any thread.

    Once for each id: a worker that takes over may ask again.

    Raises:
        Error: of Django's; when the database is away, ask again.
        BlockError: there is no such graph for the owner of the parent, its inputs do not fit, or runs are too deep.
    """
    try:
        _start(wanted)
    except StartRefused as error:
        problems = " ".join(problem["detail"] for problem in error.problems)
        raise BlockError(f"The graph cannot be started: {problems}", retry=False) from error
    except Error:
        connection.close()  # the next one to ask gets a new one
        raise


def _start(wanted: Wanted) -> None:
    above = Execution.objects.select_related("owner").defer("inputs", "outputs").get(pk=wanted.parent)
    if above.depth + 1 > wanted.depth_limit:
        raise BlockError(
            f"Graphs run each other {wanted.depth_limit} deep, which is the limit of this graph.", retry=False
        )
    if wanted.node_limit <= 0:
        raise BlockError("The node executions that this graph may have are used up (node_executions).", retry=False)
    owner: User = above.owner
    found = graphs_for(owner, Role.RUNNER).select_related("published").filter(pk=wanted.graph).first()
    if found is None:
        raise BlockError(f"There is no graph {wanted.graph} that {owner.username} may run.", retry=False)
    version = found.published or version_for_run(found, owner)
    refuse_unpaid(version.pk, graph=found.pk, owner=owner.pk)
    child = Execution(
        id=wanted.id,
        graph=found,
        version=version,
        owner=owner,
        inputs=checked_inputs(version, wanted.inputs, owner),
        trigger="graph",
        concurrency=settings.EXECUTION_CONCURRENCY,
        parent_id=wanted.parent,
        parent_node=wanted.parent_node,
        told_parent=False,
        depth=above.depth + 1,
        node_limit=wanted.node_limit,
        depth_limit=wanted.depth_limit,
        use_pins=above.use_pins,
        restored_at=above.restored_at,
    )
    with transaction.atomic():
        # Once the parent is being cancelled, or somebody else goes on with it, nothing more is started for it.
        is_wanted = Execution.objects.select_for_update(no_key=True).filter(
            pk=wanted.parent, epoch=wanted.epoch, ended_at=None, cancel_requested_at=None
        )
        if not is_wanted.values_list("pk").first() or Execution.objects.filter(pk=wanted.id).exists():
            return
        child.save(force_insert=True)
    announce(child)
