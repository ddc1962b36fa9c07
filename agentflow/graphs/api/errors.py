"""What the errors of graphs are to a client of the API."""

from dataclasses import asdict

from rest_framework.exceptions import NotFound

from agentflow.api.concurrency import stale
from agentflow.api.problems import Problem, translate
from agentflow.graphs.editing import EditConflict, RevisionConflict
from agentflow.graphs.models import Graph
from agentflow.graphs.services import NotPublishable
from agentflow.graphs.spec import SpecError


def register() -> None:
    """Make the API answer with problems for them."""
    # Somebody deleted it between the look-up and the row lock.
    translate(Graph.DoesNotExist, lambda error: NotFound())
    translate(SpecError, lambda error: Problem("This is not a graph, or not an edit of one.", errors=error.problems))
    translate(EditConflict, lambda error: Problem(str(error), status_code=409))
    translate(RevisionConflict, lambda error: stale())
    translate(
        NotPublishable,
        lambda error: Problem("The graph has problems.", errors=[asdict(problem) for problem in error.problems]),
    )
