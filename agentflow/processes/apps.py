"""Django app `processes`: home of the `up` command, the health checks and the system checks."""

from django.apps import AppConfig


class ProcessesConfig(AppConfig):
    """Supervision of services, web and workers."""

    name = "agentflow.processes"
    label = "processes"

    def ready(self) -> None:
        """Register the system checks."""
        from agentflow import checks

        _ = checks
