"""What the errors of triggers are to a client of the API."""

from agentflow.api.problems import Problem, translate
from agentflow.triggers.checking import TriggerRefused
from agentflow.triggers.receiving import Refused
from agentflow.triggers.starting import CannotStart


def register() -> None:
    """Make the API answer with problems for them."""
    translate(TriggerRefused, lambda error: Problem("It cannot be like this.", errors=error.problems))
    translate(Refused, lambda error: Problem(str(error)))
    translate(CannotStart, lambda error: Problem(str(error), errors=error.problems))
