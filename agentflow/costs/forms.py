"""The form for a graph's budget."""

from typing import Any

from django import forms
from django.contrib.auth.models import User

from agentflow.costs.models import Budget
from agentflow.graphs.models import Graph
from agentflow.graphs.permissions import graphs_for


class BudgetForm(forms.Form):
    """How much one of the user's graphs may spend."""

    graph = forms.ModelChoiceField(Graph.objects.none())
    span = forms.ChoiceField(choices=[(Budget.Span.DAY, "Each day"), (Budget.Span.MONTH, "Each month")])
    limit = forms.DecimalField(min_value=0, max_digits=14, decimal_places=6)
    warn_at = forms.IntegerField(min_value=1, max_value=100)
    stops = forms.BooleanField(required=False)

    def __init__(self, user: User, data: Any = None) -> None:
        super().__init__(data)
        graphs: Any = self.fields["graph"]
        graphs.queryset = graphs_for(user, "owner").order_by("name", "pk")
