"""Executions as the recorder leaves them, for tests of what reads them: every write is one commit with the next `seq`."""

from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from agentflow import wake
from agentflow.graphs.models import Graph, GraphVersion
from executions.engine.status import FINAL, Status
from executions.hub import CLIENT_NAME
from executions.ids import node_execution_id
from executions.models import Execution, NodeExecution, Output


def version(graph: Graph, spec: dict[str, Any] | None = None) -> GraphVersion:
    """The graph's first version."""
    made, _ = GraphVersion.objects.get_or_create(
        graph=graph, number=1, defaults={"spec": spec or {"nodes": [], "links": []}, "content_hash": "0" * 64}
    )
    return made


def execution(graph: Graph, *, owner: User | None = None, **fields: Any) -> Execution:
    """A running execution of the graph's first version."""
    fields.setdefault("status", Status.RUNNING)
    if fields["status"] in FINAL:
        fields.setdefault("ended_at", timezone.now())
    return Execution.objects.create(
        graph=graph, version=version(graph), owner=owner or graph.owner, started_at=timezone.now(), **fields
    )


@transaction.atomic
def record(run: Execution, *nodes: str, status: Status = Status.RUNNING, **fields: Any) -> None:
    """Commit a new state of these nodes, each with its own `seq`."""
    stored = Execution.objects.select_for_update().only("seq").get(pk=run.pk)
    for node in nodes:
        stored.seq += 1
        fields |= {"status": status, "seq": stored.seq, "block": "core.value"}
        identity = {"execution": run, "node": node, "path": fields.get("path", []), "ordinal": 0}
        key = node_execution_id(run.pk, node, tuple(identity["path"]), 0)
        NodeExecution.objects.update_or_create(pk=key, defaults={**identity, **fields})
    stored.save(update_fields=["seq"])
    run.seq = stored.seq


@transaction.atomic
def emit(run: Execution, node: str, port: str, value: Any, *, index: int = 0) -> Output:
    """Commit one yielded value of a node's run outside any loop."""
    stored = Execution.objects.select_for_update().only("seq").get(pk=run.pk)
    stored.seq += 1
    stored.save(update_fields=["seq"])
    key = node_execution_id(run.pk, node, (), 0)
    return Output.objects.create(
        execution=run, seq=stored.seq, node_execution_id=key, index=index, port=port, value=value
    )


@transaction.atomic
def finish(run: Execution, status: Status = Status.COMPLETED, **fields: Any) -> None:
    """Commit the end of the execution."""
    stored = Execution.objects.select_for_update().only("seq").get(pk=run.pk)
    run.seq = stored.seq + 1
    Execution.objects.filter(pk=run.pk).update(status=status, seq=run.seq, ended_at=timezone.now(), **fields)


def ring(run: Execution) -> None:
    """Tell the web processes, as the recorder does after a commit."""
    wake.ring(wake.WAKE_CHANNEL, f"e:{run.pk}:{run.seq}")


def cut_subscriptions() -> None:
    """Break the hub's connection to Redis."""
    for client in wake.connection().client_list(_type="pubsub"):
        if client["name"] == CLIENT_NAME:
            wake.connection().client_kill_filter(_id=client["id"])
