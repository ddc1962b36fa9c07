"""Budgets that are nearly used up, or are: found by their state, told once of each."""

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Q

from agentflow.costs.models import Budget, BudgetPeriod
from agentflow.notifications.audience import audience
from agentflow.notifications.kinds import Kind
from agentflow.notifications.noticing import notice

BATCH = 100
WARNED, REACHED = "warned", "reached"


def tell_budgets() -> None:
    """Tell whose budget it is."""
    untold = Q(told="") | Q(told=WARNED, reached_at__isnull=False)
    with transaction.atomic():
        rows = BudgetPeriod.objects.filter(untold, warned_at__isnull=False).exclude(told=REACHED).order_by("id")
        rows = rows.select_related("budget__graph__owner", "budget__user")
        for period in rows.select_for_update(skip_locked=True, of=("self",))[:BATCH]:
            _tell(period)


def _tell(period: BudgetPeriod) -> None:
    budget, is_reached = period.budget, period.reached_at is not None
    whose = f"the budget of “{budget.graph.name}”" if budget.graph else "your budget"
    this = "today" if budget.span == Budget.Span.DAY else "this month"
    spent = f"{period.spent:.2f} of {budget.limit:.2f} US dollars are spent {this}."
    if is_reached:
        title = f"{whose[0].upper()}{whose[1:]} is used up"
        more = "Steps that cost something do not run until it begins anew." if budget.stops else "Nothing is stopped."
    else:
        title, more = f"{whose[0].upper()}{whose[1:]} is nearly used up", f"You are told at {budget.warn_at} %."
    stage = REACHED if is_reached else WARNED
    notice(
        _people(budget),
        kind=Kind.BUDGET,
        title=title,
        text=f"{spent} {more}",
        graph=budget.graph,
        key=f"budget:{period.pk}:{stage}",
    )
    period.told = stage
    period.save(update_fields=["told"])


def _people(budget: Budget) -> list[User]:
    if budget.graph is not None:
        return audience(budget.graph)
    return [budget.user] if budget.user is not None and budget.user.is_active else []
