"""Django app `executions`."""

from django.apps import AppConfig


class ExecutionsConfig(AppConfig):
    """Executions and everything that runs them."""

    name = "executions"

    def ready(self) -> None:
        """Load the blocks of this installation; take executions along when their graph is deleted."""
        from django.conf import settings

        from agentflow.graphs.signals import graph_deleting
        from blocks.registry import configure
        from executions import chores, followers, retention
        from executions.deletion import delete_executions

        configure(settings.BLOCK_MODULES)
        graph_deleting.connect(delete_executions)
        chores.register("followers", followers.tell)
        chores.register("retention", retention.forget_due)
