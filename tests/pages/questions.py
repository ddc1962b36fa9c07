"""Questions to people, as runs leave them."""

from typing import Any

from agentflow.graphs.models import Graph
from executions.engine.status import Status
from executions.models import Approval, NodeExecution
from tests.executions import recorded


def asked(graph: Graph, node: str = "ask", **fields: Any) -> Approval:
    """What a waiting execution of the graph asks."""
    run = recorded.execution(graph, status=Status.WAITING)
    recorded.record(run, node, status=Status.WAITING)
    fields = {"kind": "approval", "instructions": "May this be ordered?", "payload": {"sum": 5}} | fields
    made: Approval = Approval.objects.create(
        execution=run, node_execution=NodeExecution.objects.get(execution=run), **fields
    )
    return made
