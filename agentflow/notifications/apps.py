"""Django app `notifications`."""

from django.apps import AppConfig


class NotificationsConfig(AppConfig):
    """Who is told what: bell, mail and other channels."""

    name = "agentflow.notifications"
    label = "notifications"
