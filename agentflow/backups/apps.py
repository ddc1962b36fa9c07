"""Django app `backups`: home of the commands `backup` and `restore`."""

from django.apps import AppConfig


class BackupsConfig(AppConfig):
    """All of an installation in one file, and back."""

    name = "agentflow.backups"
    label = "backups"
