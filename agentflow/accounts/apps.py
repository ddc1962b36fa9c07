"""Django app `accounts`."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """Who may do what: people, their groups, tokens and sessions, and the log of what they did."""

    name = "agentflow.accounts"
    label = "accounts"

    def ready(self) -> None:
        """Listen to what happens to people."""
        from agentflow.accounts import administered, sign_ins, signals  # noqa: F401 - they register receivers
