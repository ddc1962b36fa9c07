"""What people decide: whether a run may go on, and what became of a step that must happen only once."""

from typing import Any, Final

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models.functions import Now

from agentflow import wake
from agentflow.accounts import audit
from agentflow.graphs.ports import ports_of
from agentflow.graphs.reading import escape
from agentflow.graphs.spec import GraphSpec
from blocks.base import BlockError
from blocks.registry import registry
from executions.crash_points import Point, reached
from executions.engine.status import Status
from executions.models import Approval, Execution
from executions.values import encode

#: The payload stays as it was asked.
UNCHANGED: Final = object()
DECISIONS = {Approval.Kind.APPROVAL: ("approved", "rejected"), Approval.Kind.OUTCOME: ("repeat", "happened", "fail")}
MAX_COMMENT = 10_000


class AlreadyDecided(Exception):
    """Somebody was faster, or the run has ended; `approval` says who and when."""

    def __init__(self, approval: Approval) -> None:
        super().__init__("Somebody has decided already." if approval.decided_at else "The run has ended.")
        self.approval = approval


class DecisionRefused(Exception):
    """The decision does not fit what is asked; `problems` are `{pointer, detail}`."""

    def __init__(self, problems: list[dict[str, str]]) -> None:
        super().__init__("; ".join(problem["detail"] for problem in problems))
        self.problems = problems


def decide(approval: Approval, *, user: User, decision: str, payload: Any = UNCHANGED, comment: str = "") -> Approval:
    """Keep the decision and let the run go on; once.

    Raises:
        AlreadyDecided: somebody was faster, or the run has ended.
        DecisionRefused: no such decision, or the payload does not fit.
    """
    _check(approval, decision, payload, comment)
    with transaction.atomic():
        # First the execution: a worker that is parking it has locked it too, so one of the two sees the other.
        execution = (
            Execution.objects.select_for_update(no_key=True)
            .only("id", "status", "graph_id")
            .get(pk=approval.execution_id)
        )
        asked = Approval.objects.select_for_update(of=("self",)).select_related("decided_by").get(pk=approval.pk)
        if asked.decided_at or asked.closed_at:
            raise AlreadyDecided(asked)
        asked.decision, asked.comment, asked.decided_by = decision, comment, user
        asked.answer = asked.payload if payload is UNCHANGED else payload
        asked.decided_at = Now()  # the database's clock
        asked.save(update_fields=["decision", "comment", "decided_by", "answer", "decided_at"])
        waiting = Execution.objects.filter(pk=execution.pk, status=Status.WAITING)
        waiting.update(status=Status.QUEUED, wake_at=None, queued_at=Now())
        audit.record(user, decision, execution, detail={"question": str(asked.pk), "comment": comment[:200]})
        transaction.on_commit(lambda: _tell(asked, execution.graph_id))
    asked.refresh_from_db()
    return asked


def _check(approval: Approval, decision: str, payload: Any, comment: str) -> None:
    problems = []
    allowed = DECISIONS[Approval.Kind(approval.kind)]
    if decision not in allowed:
        problems.append({"pointer": "#/decision", "detail": f"Choose one of: {', '.join(allowed)}."})
    if len(comment) > MAX_COMMENT:
        problems.append({"pointer": "#/comment", "detail": f"At most {MAX_COMMENT:,} characters."})
    try:
        encode(None if payload is UNCHANGED else payload)
    except BlockError as error:
        problems.append({"pointer": "#/payload", "detail": error.message})
    else:
        problems += _output_problems(approval, payload) if decision == "happened" else []
    if problems:
        raise DecisionRefused(problems)


def _output_problems(approval: Approval, payload: Any) -> list[dict[str, str]]:
    """What happened is told as the outputs of the step, by port."""
    if payload in (UNCHANGED, None):
        return []
    if not isinstance(payload, dict):
        return [{"pointer": "#/payload", "detail": "Give the outputs of the step as {port: value}."}]
    key = approval.node_execution.node
    spec = GraphSpec.from_json(approval.execution.version.spec)
    ports = next((ports_of(node, registry()) for node in spec.nodes if node.key == key), None)
    known = [port.name for port in ports.outputs] if ports else []
    return [
        {
            "pointer": f"#/payload/{escape(name)}",
            "detail": f"The step has no output “{name}”; it has: {', '.join(known)}.",
        }
        for name in payload
        if name not in known
    ]


def _tell(approval: Approval, graph: int) -> None:
    reached(Point.DECISION_STORED)
    if wake.ring(wake.CONTROL_CHANNEL, f"answer:{approval.execution_id}:{approval.pk}", "work"):
        wake.ring(wake.WAKE_CHANNEL, f"e:{approval.execution_id}:0", f"g:{graph}:0")
