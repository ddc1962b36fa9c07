"""What the errors of notifications are to a client of the API."""

from agentflow.api.problems import Problem, translate
from agentflow.notifications.services import NotificationRefused


def register() -> None:
    """Make the API answer with problems for them."""
    translate(NotificationRefused, lambda error: Problem("This cannot be kept.", errors=error.problems))
