"""Giving credits, and budgets."""

from decimal import Decimal

from django.contrib.auth.models import User
from django.db import transaction

from agentflow.costs.models import Account, Movement


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
    return Movement.objects.create(account=locked, amount=amount, balance_after=locked.balance, by=by, note=note)
