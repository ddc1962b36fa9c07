"""Django app `credentials`."""

from django.apps import AppConfig


class CredentialsConfig(AppConfig):
    """Keys and passwords that blocks use: encrypted, shared for use, never shown."""

    name = "agentflow.credentials"
    label = "credentials"

    def ready(self) -> None:
        """Register the check of the keys."""
        from agentflow.credentials import checks  # noqa: F401 - registers itself
