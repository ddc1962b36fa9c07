"""Django app `accounts`."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """Who may do what: tokens, and the account page."""

    name = "agentflow.accounts"
    label = "accounts"
