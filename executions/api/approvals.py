"""What people are asked, and their decisions."""

from collections.abc import Mapping
from typing import Any, ClassVar
from uuid import UUID

from django.http import Http404
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import viewsets
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from agentflow.api.schema import problems
from agentflow.graphs.api.requests import checked, number_parameter
from executions.api.reading import caller
from executions.api.serializers import APPROVAL_STATES, ApprovalDetailSerializer, ApprovalSerializer, DecisionRequest
from executions.api.views import ExecutionPagination
from executions.approvals import UNCHANGED, decide
from executions.asked import STATES, found, titled, visible
from executions.models import Approval

COLUMNS = (
    "id",
    "kind",
    "execution_id",
    "execution__graph_id",
    "execution__graph__name",
    "node_execution__node",
    "node_execution__path",
    "instructions",
    "created_at",
    "decision",
    "comment",
    "decided_by_id",
    "decided_by__username",
    "decided_by__first_name",
    "decided_by__last_name",
    "decided_at",
    "closed_at",
    "node_title",
)


class ApprovalViewSet(viewsets.GenericViewSet[Approval]):
    """Questions of runs that the caller sees; who may run the graph may decide."""

    queryset = Approval.objects.none()
    serializer_class = ApprovalSerializer
    pagination_class = ExecutionPagination
    lookup_value_converter = "uuid"
    token_scopes: ClassVar = {"decide": "run"}

    @extend_schema(
        operation_id="approvals_list",
        parameters=[
            OpenApiParameter("state", str, enum=APPROVAL_STATES, description="All by default."),
            OpenApiParameter("graph", int, description="Of runs of this graph."),
        ],
        responses=ApprovalSerializer(many=True),
    )
    def list(self, request: Request) -> Response:
        """Questions, newest first."""
        found = visible(request.user)
        if state := request.query_params.get("state"):
            if state not in STATES:
                raise ValidationError({"state": f"Choose one of: {', '.join(STATES)}."})
            found = found.filter(STATES[state])
        if graph := number_parameter(request, "graph"):
            found = found.filter(execution__graph=graph)
        page: Any = self.paginate_queryset(titled(found).values(*COLUMNS))
        return self.get_paginated_response([approval_row(values) for values in page or ()])

    @extend_schema(operation_id="approvals_retrieve", responses=ApprovalDetailSerializer)
    def retrieve(self, request: Request, pk: UUID) -> Response:
        """One question with what it is about."""
        return Response(approval_detail(request.user, pk))

    @extend_schema(
        operation_id="approvals_decide",
        request=DecisionRequest,
        responses={200: ApprovalDetailSerializer, **problems(409, 422)},
    )
    @action(detail=True, methods=["post"])
    def decide(self, request: Request, pk: UUID) -> Response:
        """Decide; the run goes on. 409: somebody was faster, or the run has ended."""
        approval = found(request.user, pk, "runner")
        given = checked(DecisionRequest, request)
        decide(
            approval,
            user=caller(request),
            decision=given["decision"],
            payload=given.get("payload", UNCHANGED),
            comment=given.get("comment", ""),
        )
        return Response(approval_detail(request.user, pk))


def approval_detail(user: Any, approval: UUID) -> dict[str, Any]:
    """The question with its payload and what became of it."""
    columns = (*COLUMNS, "payload", "answer")
    values = titled(visible(user)).filter(pk=approval).values(*columns).first()
    if values is None:
        raise Http404
    return {**approval_row(values), "payload": values["payload"], "answer": values["answer"]}


def approval_row(values: Mapping[str, Any]) -> dict[str, Any]:
    """One question without payloads, read as `COLUMNS`."""
    by = values["decided_by_id"]
    name = f"{values['decided_by__first_name']} {values['decided_by__last_name']}".strip() if by else ""
    return {
        "id": values["id"],
        "kind": values["kind"],
        "state": "decided" if values["decided_at"] else "closed" if values["closed_at"] else "open",
        "execution": values["execution_id"],
        "graph": {"id": values["execution__graph_id"], "name": values["execution__graph__name"]},
        "node": values["node_execution__node"],
        "node_title": values["node_title"],
        "path": values["node_execution__path"],
        "instructions": values["instructions"],
        "created_at": values["created_at"],
        "decision": values["decision"],
        "comment": values["comment"],
        "decided_by": {"id": by, "name": name or values["decided_by__username"]} if by else None,
        "decided_at": values["decided_at"],
    }
