"""Django app `notifications`."""

from django.apps import AppConfig


class NotificationsConfig(AppConfig):
    """Who is told what: bell, mail and other channels."""

    name = "agentflow.notifications"
    label = "notifications"

    def ready(self) -> None:
        """Follow runs, listen for paused triggers, and have workers do the chore."""
        from agentflow.credentials import rotation
        from agentflow.graphs.signals import trigger_paused
        from agentflow.notifications.api import errors
        from agentflow.notifications.chores import tell
        from agentflow.notifications.following import NAME, tell_endings
        from agentflow.notifications.pausing import tell_paused
        from agentflow.notifications.rotation import renew
        from executions import chores, followers

        followers.register(NAME, tell_endings)
        chores.register(NAME, tell)
        trigger_paused.connect(tell_paused, dispatch_uid=NAME)
        rotation.register(NAME, renew)
        errors.register()
