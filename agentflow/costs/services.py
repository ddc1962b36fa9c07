"""Giving credits, and setting budgets."""

from decimal import Decimal

from django.contrib.auth.models import User
from django.db import transaction

from agentflow.accounts import audit
from agentflow.costs.models import Account, Budget, Movement
from agentflow.graphs.models import Graph


class TooFew(Exception):
    """No more can be taken than is there and not set aside."""


@transaction.atomic
def give_credits(account: Account, amount: Decimal, *, by: User | None, note: str = "") -> Movement:
    """Add the dollars to the balance; a negative amount takes them away.

    Raises:
        TooFew: the balance, without what is set aside, is smaller.
    """
    locked = Account.objects.select_for_update().get(pk=account.pk)
    if locked.balance - locked.reserved + amount < 0:
        raise TooFew
    locked.balance += amount
    locked.save(update_fields=["balance"])
    audit.record(by, "changed", account, detail={"credits": str(amount), "balance": str(locked.balance)})
    return Movement.objects.create(account=locked, amount=amount, balance_after=locked.balance, by=by, note=note)


@transaction.atomic
def set_budget(*, graph: Graph, span: str, limit: Decimal, warn_at: int, stops: bool, by: User) -> Budget:
    """The budget of the graph for a day or a month, made or changed; what was spent so far counts."""
    values = {"limit": limit, "warn_at": warn_at, "stops": stops}
    budget, is_new = Budget.objects.update_or_create(graph=graph, user=None, span=span, defaults=values)
    if not is_new:  # what was said of the old limit need not hold for the new one
        budget.periods.update(warned_at=None, reached_at=None, told="")
    audit.record(by, "created" if is_new else "changed", budget, detail={"limit": str(limit), "stops": stops})
    return budget


@transaction.atomic
def remove_budget(budget: Budget, *, by: User) -> None:
    """From now on nobody counts."""
    audit.record(by, "deleted", budget)
    budget.delete()
