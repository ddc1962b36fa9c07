"""Budgets that somebody may see and set, and how they stand."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from django.contrib.auth.models import User
from django.db.models import Q, QuerySet
from django.http import Http404

from agentflow.costs.funds import current_periods
from agentflow.costs.models import Budget
from agentflow.graphs.permissions import graphs_for
from executions.models import Charge


@dataclass(frozen=True, slots=True)
class Standing:
    """A budget and what is spent of it in its current day or month."""

    budget: Budget
    spent: Decimal

    @property
    def share(self) -> float:
        """Of the limit, 0 to 1 and beyond."""
        return float(self.spent / self.budget.limit) if self.budget.limit else 1.0

    @property
    def state(self) -> str:
        """In a word: good, warned or reached."""
        if self.share >= 1:
            return "reached"
        return "warned" if self.share * 100 >= self.budget.warn_at else "good"


def budgets_for(user: User) -> QuerySet[Budget]:
    """Those of the graphs that the user sees, and the user's own."""
    found = Budget.objects.select_related("graph", "user").order_by("graph__name", "id")
    if user.is_superuser:
        return found
    return found.filter(Q(graph__in=graphs_for(user).values("pk")) | Q(user=user))


def own_budget(user: User, budget: int) -> Budget:
    """A budget that the user may change: of a graph that the user owns. A user's own is set by administrators.

    Raises:
        Http404: it is not the user's, or there is none.
    """
    found = Budget.objects.select_related("graph", "user").filter(pk=budget)
    if not user.is_superuser:
        found = found.filter(Q(graph__in=graphs_for(user, "owner").values("pk")))
    if (one := found.first()) is None:
        raise Http404
    return one


def standings(budgets: Iterable[Budget]) -> list[Standing]:
    """How they stand now."""
    found = list(budgets)
    spent = {row["budget_id"]: row["spent"] for row in current_periods(budget.pk for budget in found)}
    return [Standing(budget, spent.get(budget.pk, Decimal(0))) for budget in found]


def has_charges(user: User) -> bool:
    """Something has cost money that the user may see."""
    charges = Charge.objects.all()
    if not user.is_superuser:
        charges = charges.filter(Q(owner=user) | Q(graph__in=graphs_for(user).values("pk")))
    return charges.exists()
