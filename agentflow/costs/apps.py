"""Django app `costs`."""

from django.apps import AppConfig


class CostsConfig(AppConfig):
    """What runs cost: charges, prices, balances, budgets."""

    name = "agentflow.costs"
    label = "costs"
