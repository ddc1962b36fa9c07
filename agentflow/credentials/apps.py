"""Django app `credentials`."""

from django.apps import AppConfig


class CredentialsConfig(AppConfig):
    """Keys and passwords that blocks use: encrypted, shared for use, never shown."""

    name = "agentflow.credentials"
    label = "credentials"

    def ready(self) -> None:
        """Register the check of the keys, and teach graphs to miss credentials and the API what is wrong with one."""
        from agentflow.credentials import checks, sharing  # noqa: F401 - they register themselves
        from agentflow.credentials.api import errors
        from agentflow.credentials.needs import problems_for_owner
        from agentflow.graphs import outside

        errors.register()
        outside.register(problems_for_owner)
