"""What the errors of executions are to a client of the API."""

from agentflow.api.problems import Problem, translate
from executions.services import IdempotencyConflict, StartRefused


def register() -> None:
    """Make the API answer with problems for them."""
    translate(StartRefused, lambda error: Problem("The execution cannot be started.", errors=error.problems))
    translate(
        IdempotencyConflict,
        lambda error: Problem("This idempotency key was used for another start.", status_code=409),
    )
