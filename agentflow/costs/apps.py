"""Django app `costs`."""

from django.apps import AppConfig


class CostsConfig(AppConfig):
    """What runs cost: charges, prices, balances, budgets."""

    name = "agentflow.costs"
    label = "costs"

    def ready(self) -> None:
        """Answer executions that ask for money, and have workers do the chores."""
        from agentflow.costs import chores
        from agentflow.costs.funds import CreditsAndBudgets
        from executions import funds

        funds.register(CreditsAndBudgets())
        chores.register()
