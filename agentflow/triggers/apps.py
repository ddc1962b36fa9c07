"""Django app `triggers`."""

from django.apps import AppConfig


class TriggersConfig(AppConfig):
    """What starts graphs by itself: schedules, webhooks, forms, other runs."""

    name = "agentflow.triggers"
    label = "triggers"
