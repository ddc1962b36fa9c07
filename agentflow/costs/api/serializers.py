"""Shapes of requests and answers; amounts of money are decimal text, so that nobody rounds them."""

from rest_framework import serializers

from agentflow.costs.budgets import Standing
from agentflow.costs.models import Budget
from agentflow.costs.usage import GROUPS
from agentflow.graphs.api.serializers import PersonSerializer, Shape, StrictShape


class UsedSerializer(Shape):
    """What was used."""

    runs = serializers.IntegerField(help_text="Runs of nodes.")
    seconds = serializers.FloatField(help_text="Of work, without waits.")
    tokens = serializers.IntegerField()
    input_tokens = serializers.IntegerField()
    output_tokens = serializers.IntegerField()
    cost = serializers.CharField(help_text="US dollars.")


class UsedGroupSerializer(UsedSerializer):
    """What one group used; it has the members that name the group."""

    day = serializers.DateField(required=False)
    graph = PersonSerializer(required=False, help_text="The name is null when it was deleted.")
    node = serializers.CharField(required=False)
    block = serializers.CharField(required=False)
    person = PersonSerializer(required=False)


class UsageReportSerializer(Shape):
    """Usage of some days."""

    by = serializers.ChoiceField(list(GROUPS))
    first = serializers.DateField()
    last = serializers.DateField()
    total = UsedSerializer()
    rows = UsedGroupSerializer(many=True)
    has_more = serializers.BooleanField()


class BudgetRequest(StrictShape):
    """A budget to set."""

    graph = serializers.IntegerField(min_value=1, max_value=2**63 - 1)
    span = serializers.ChoiceField(Budget.Span.values)
    limit = serializers.DecimalField(14, 6, min_value=0, help_text="US dollars.")
    warn_at = serializers.IntegerField(min_value=1, max_value=100, default=80, help_text="Percent of the limit.")
    stops = serializers.BooleanField(default=True)


class BudgetSerializer(Shape):
    """A budget and how it stands."""

    id = serializers.IntegerField()
    graph = PersonSerializer(allow_null=True)
    user = PersonSerializer(allow_null=True)
    span = serializers.ChoiceField(Budget.Span.values)
    limit = serializers.CharField()
    spent = serializers.CharField(help_text="In the current day or month, UTC.")
    warn_at = serializers.IntegerField()
    stops = serializers.BooleanField()
    state = serializers.ChoiceField(["good", "warned", "reached"])


def budget_row(standing: Standing) -> dict[str, object]:
    """A budget as clients see it."""
    budget = standing.budget
    user, graph = budget.user, budget.graph
    return {
        "id": budget.pk,
        "graph": {"id": graph.pk, "name": graph.name} if graph else None,
        "user": {"id": user.pk, "name": user.get_full_name() or user.get_username()} if user else None,
        "span": budget.span,
        "limit": f"{budget.limit:.6f}",
        "spent": f"{standing.spent:.6f}",
        "warn_at": budget.warn_at,
        "stops": budget.stops,
        "state": standing.state,
    }
