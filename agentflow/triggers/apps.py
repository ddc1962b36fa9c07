"""Django app `triggers`."""

from django.apps import AppConfig


class TriggersConfig(AppConfig):
    """What starts graphs by itself: schedules, webhooks, forms, other runs."""

    name = "agentflow.triggers"
    label = "triggers"

    def ready(self) -> None:
        """Have workers start what is due; keep what starts a graph when that is deleted."""
        from agentflow.graphs.signals import graph_deleting
        from agentflow.triggers import chains
        from agentflow.triggers.firing import fire_due
        from agentflow.triggers.pausing import pause_triggers_of
        from executions import chores, followers

        chores.register("schedules", fire_due)
        followers.register(chains.FOLLOWER, chains.runs_ended)
        graph_deleting.connect(pause_triggers_of)
