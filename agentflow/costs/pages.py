"""The usage page and its export."""

from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import User
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from agentflow.costs import usage
from agentflow.costs.asking import Unreadable, asked_for
from agentflow.costs.budgets import budgets_for, own_budget, standings
from agentflow.costs.charts import day_chart
from agentflow.costs.exporting import csv_of
from agentflow.costs.forms import BudgetForm
from agentflow.costs.funds import account_of
from agentflow.costs.services import remove_budget, set_budget
from agentflow.costs.usage import GROUPS, Asked
from agentflow.graphs.permissions import graphs_for

#: Groups on the page; the export has all of them.
MOST_SHOWN = 100
PERIODS = ((7, "7 days"), (30, "30 days"), (90, "90 days"), (365, "A year"))


class Request(HttpRequest):
    """A request behind `login_required`."""

    user: User


@login_required
def usage_page(request: Request) -> HttpResponse:
    """Money, tokens and time of a period, in all, by day, and grouped."""
    asked = _asked(request)
    by = request.GET.get("by", "graph")
    if by not in GROUPS:
        raise Http404
    rows, has_more = usage.used_by(asked, by, most=MOST_SHOWN)
    days, _ = usage.used_by(asked, "day")
    total = usage.total(days)
    context = {
        "asked": asked,
        "by": by,
        "groups": list(GROUPS),
        "periods": PERIODS,
        "days": (asked.last - asked.first).days + 1,
        "rows": rows[::-1] if by == "day" else rows,
        "has_more": has_more,
        "total": total,
        "chart": _chart(asked, days, has_money=bool(total.cost)),
        "graph": graphs_for(request.user).filter(pk=asked.graph).first() if asked.graph else None,
        "kept": _kept(asked),
        "account": account_of(request.user.pk) if settings.CREDITS else None,
        "has_credits": settings.CREDITS,
        "budgets": standings(budgets_for(request.user)),
        "form": BudgetForm(request.user),
        "owned": set(graphs_for(request.user, "owner").values_list("pk", flat=True)),
    }
    return render(request, "costs/usage.html", context)


@login_required
def usage_export(request: Request) -> StreamingHttpResponse:
    """The same period as CSV: a row for each day, graph, node, block and person."""
    asked = _asked(request)
    name = f"usage-{asked.first}-{asked.last}.csv"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingHttpResponse(csv_of(asked), content_type="text/csv; charset=utf-8", headers=headers)


@login_required
@require_POST
def budget_set(request: Request) -> HttpResponse:
    """Make or change the budget of a graph that the user owns."""
    form = BudgetForm(request.user, request.POST)
    if form.is_valid():
        set_budget(by=request.user, **form.cleaned_data)
        messages.success(request, "The budget was set.")
    else:
        for field, errors in form.errors.items():
            messages.error(request, f"The budget was not set. {field.capitalize()}: {' '.join(map(str, errors))}")
    return redirect("usage")


@login_required
@require_POST
def budget_remove(request: Request, budget_id: int) -> HttpResponse:
    """Remove the budget of a graph that the user owns."""
    remove_budget(own_budget(request.user, budget_id), by=request.user)
    messages.success(request, "The budget was removed.")
    return redirect("usage")


def _asked(request: Request) -> Asked:
    try:
        return asked_for(request.user, request.GET.dict())
    except Unreadable as error:
        raise Http404(str(error)) from error


def _kept(asked: Asked) -> str:
    """The question as it stands in an address."""
    given: dict[str, Any] = {"from": asked.first, "to": asked.last}
    given |= {"graph": asked.graph} if asked.graph else {}
    given |= {"block": asked.block} if asked.block else {}
    return urlencode(given)


def _chart(asked: Asked, days: list[usage.Used], *, has_money: bool) -> Any:
    """Money if anything cost some, else time."""
    if has_money:
        values = {day.group["day"]: float(day.cost) for day in days}
        return {"name": "Money", "bars": day_chart(values, asked.first, asked.last, unit="$")}
    minutes = {day.group["day"]: day.seconds / 60 for day in days}
    return {"name": "Time", "bars": day_chart(minutes, asked.first, asked.last, unit="min")}
