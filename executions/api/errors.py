"""What the errors of executions are to a client of the API."""

from agentflow.api.problems import Problem, translate
from executions.approvals import AlreadyDecided, DecisionRefused
from executions.services import IdempotencyConflict, StartRefused
from executions.starting import OutOfFunds


def register() -> None:
    """Make the API answer with problems for them."""
    translate(StartRefused, lambda error: Problem("The execution cannot be started.", errors=error.problems))
    translate(OutOfFunds, lambda error: Problem(str(error), status_code=402))
    translate(DecisionRefused, lambda error: Problem("The decision does not fit.", errors=error.problems))
    translate(AlreadyDecided, lambda error: Problem(_who_decided(error), status_code=409))
    translate(
        IdempotencyConflict,
        lambda error: Problem("This idempotency key was used for another start.", status_code=409),
    )


def _who_decided(error: AlreadyDecided) -> str:
    approval = error.approval
    if approval.decided_at is None:
        return "The run has ended, nobody needs to decide any more."
    who = approval.decided_by
    name = (who.get_full_name() or who.username) if who else "Somebody"
    return f"{name} has decided already: {approval.decision}."
