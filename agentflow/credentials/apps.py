"""Django app `credentials`."""

from django.apps import AppConfig


class CredentialsConfig(AppConfig):
    """Keys and passwords that blocks use: encrypted, shared for use, never shown."""

    name = "agentflow.credentials"
    label = "credentials"

    def ready(self) -> None:
        """Register the check of the keys, and teach graphs to miss credentials."""
        from agentflow.credentials import checks, sharing  # noqa: F401 - they register themselves
        from agentflow.credentials.needs import problems_for_owner
        from agentflow.graphs import outside

        outside.register(problems_for_owner)
