"""Django app `graphs`."""

from django.apps import AppConfig


class GraphsConfig(AppConfig):
    """Graphs, their drafts, versions and edits."""

    name = "agentflow.graphs"
    label = "graphs"

    def ready(self) -> None:
        """Teach the API this package's errors."""
        from agentflow.graphs import sharing  # noqa: F401 - it registers a receiver
        from agentflow.graphs.api import errors

        errors.register()
