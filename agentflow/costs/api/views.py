"""Usage and budgets."""

from typing import Any, ClassVar

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from agentflow.api.schema import problems
from agentflow.costs import usage
from agentflow.costs.api import serializers as shapes
from agentflow.costs.asking import Unreadable, asked_for
from agentflow.costs.budgets import budgets_for, own_budget, standings
from agentflow.costs.services import remove_budget, set_budget
from agentflow.costs.usage import GROUPS, Used
from agentflow.graphs.api.requests import checked
from agentflow.graphs.permissions import get_graph
from executions.api.reading import caller

MOST_BUDGETS = 1_000


class Usage(APIView):
    """Money, tokens and time."""

    token_scopes: ClassVar = {"GET": "read"}

    @extend_schema(
        operation_id="usage",
        parameters=[
            OpenApiParameter("by", str, enum=list(GROUPS), description="What rows are grouped by; graph by default."),
            OpenApiParameter("from", str, description="First day, UTC; without it 30 days, or `days`, are read."),
            OpenApiParameter("to", str, description="Last day, UTC; today by default."),
            OpenApiParameter("days", int),
            OpenApiParameter("graph", int, description="Only of this graph."),
            OpenApiParameter("block", str, description="Only of this block."),
        ],
        responses={200: shapes.UsageReportSerializer},
    )
    def get(self, request: Request) -> Response:
        """What the graphs that the caller sees, and the caller's own runs, have used; what cost most first."""
        by = request.query_params.get("by", "graph")
        if by not in GROUPS:
            raise ValidationError({"by": f"Must be one of {', '.join(GROUPS)}."})
        try:
            asked = asked_for(caller(request), request.query_params.dict())
        except Unreadable as error:
            raise ValidationError({error.name: error.detail}) from error
        rows, has_more = usage.used_by(asked, by)
        days = rows if by == "day" else usage.used_by(asked, "day")[0]
        answer = {"by": by, "first": asked.first, "last": asked.last, "total": _sums(usage.total(days))}
        return Response(answer | {"rows": [_group(row) | _sums(row) for row in rows], "has_more": has_more})


class Budgets(APIView):
    """Budgets of graphs and users."""

    token_scopes: ClassVar = {"GET": "read", "POST": "write"}

    @extend_schema(operation_id="budgets_list", responses={200: shapes.BudgetSerializer(many=True)})
    def get(self, request: Request) -> Response:
        """Budgets of the graphs that the caller sees, and the caller's own, with what is spent of them."""
        found = standings(budgets_for(caller(request))[:MOST_BUDGETS])
        return Response([shapes.budget_row(standing) for standing in found])

    @extend_schema(
        operation_id="budgets_set",
        request=shapes.BudgetRequest,
        responses={200: shapes.BudgetSerializer, **problems(404)},
    )
    def post(self, request: Request) -> Response:
        """Set the budget of a graph that the caller owns for a day or a month; the one before is replaced."""
        given: dict[str, Any] = checked(shapes.BudgetRequest, request)
        graph = get_graph(caller(request), given.pop("graph"), "owner")
        budget = set_budget(graph=graph, by=caller(request), **given)
        return Response(shapes.budget_row(standings([budget])[0]))


class BudgetDetail(APIView):
    """One budget."""

    token_scopes: ClassVar = {"DELETE": "write"}

    @extend_schema(operation_id="budgets_remove", responses={204: None})
    def delete(self, request: Request, budget_id: int) -> Response:
        """Remove the budget of a graph that the caller owns."""
        remove_budget(own_budget(caller(request), budget_id), by=caller(request))
        return Response(status=status.HTTP_204_NO_CONTENT)


def _sums(used: Used) -> dict[str, Any]:
    return {
        "runs": used.runs,
        "seconds": round(used.seconds, 6),
        "tokens": used.tokens,
        "input_tokens": used.input_tokens,
        "output_tokens": used.output_tokens,
        "cost": f"{used.cost:.6f}",
    }


def _group(used: Used) -> dict[str, Any]:
    group = used.group
    found: dict[str, Any] = {name: group[name] for name in ("day", "node", "block") if name in group}
    if "graph_id" in group:
        found["graph"] = {"id": group["graph_id"], "name": group["graph"]}
    if "owner_id" in group:
        found["person"] = {"id": group["owner_id"], "name": group["owner"]}
    return found
