"""Open questions that nobody was told of: found by their state, told once."""

from django.db import transaction
from django.db.models.functions import Now
from django.urls import reverse

from agentflow.graphs.models import Role
from agentflow.notifications.audience import audience
from agentflow.notifications.kinds import Kind
from agentflow.notifications.noticing import notice
from executions.models import Approval

BATCH = 100


def tell_questions() -> None:
    """Tell whoever may decide."""
    with transaction.atomic():
        rows = Approval.objects.filter(decided_at=None, closed_at=None, announced_at=None).order_by("id")
        asked = list(
            rows.select_related("execution__graph__owner", "execution__owner", "node_execution")
            .defer("payload", "execution__inputs", "execution__outputs")
            .select_for_update(skip_locked=True, of=("self",))[:BATCH]
        )
        for approval in asked:
            _tell(approval)
        Approval.objects.filter(pk__in=[approval.pk for approval in asked]).update(announced_at=Now())


def _tell(approval: Approval) -> None:
    execution = approval.execution
    graph, node = execution.graph, approval.node_execution.node
    if approval.kind == Approval.Kind.APPROVAL:
        title, text = f"“{graph.name}” waits for approval", approval.instructions
    else:
        title, text = f"“{graph.name}” asks what became of a step", approval.instructions
    notice(
        audience(graph, execution.owner, role=Role.RUNNER),
        kind=Kind.WAITING,
        title=title,
        text=text or f"At the step {node}.",
        graph=graph,
        path=reverse("approval-page", args=[approval.pk]),
        key=f"approval:{approval.pk}",
    )
