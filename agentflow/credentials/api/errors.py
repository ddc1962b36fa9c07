"""What the errors of credentials are to a client of the API."""

from rest_framework.exceptions import NotFound

from agentflow.api.problems import Problem, translate
from agentflow.credentials.models import Credential
from agentflow.credentials.reading import CredentialRefused


def register() -> None:
    """Make the API answer with problems for them."""
    translate(Credential.DoesNotExist, lambda error: NotFound())
    translate(CredentialRefused, lambda error: Problem("This is no credential.", errors=error.problems))
