"""Executions: list, look at, cancel, run again."""

from typing import Any, ClassVar
from uuid import UUID

from django.core.files.storage import default_storage
from django.http import Http404, HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import status, viewsets
from rest_framework.decorators import action
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.pagination import Cursor
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse
from rest_framework.views import APIView

from agentflow.api.pagination import CursorPagination
from agentflow.api.schema import problems
from agentflow.encoding import dump
from agentflow.graphs.api.requests import number_parameter, text_parameter
from executions.api import serializers as shapes
from executions.api.inspection import inputs_of, log_of, outputs_of
from executions.api.reading import caller, detailed, found, found_node, started, visible
from executions.live import CHUNK_ROWS, read_nodes
from executions.models import Execution, Output
from executions.rows import EXECUTION_COLUMNS, execution_row, node_row
from executions.services import cancel_execution, rerun_execution
from executions.values import blob_name

SINCE = OpenApiParameter("since", int, description="Changes after this event number; 0 by default.")
LIMIT = OpenApiParameter("limit", int, description=f"At most so many rows, up to {CHUNK_ROWS}.")
AFTER = OpenApiParameter("after", int, description="Outputs with a higher index; all by default.")


class ExecutionPagination(CursorPagination):
    """Newest first: ids sort by time."""

    ordering = "-id"

    def decode_cursor(self, request: Request) -> Cursor | None:
        """The cursor of the address; raises NotFound for one that we never gave."""
        cursor = super().decode_cursor(request)
        if cursor is not None and cursor.position is not None:
            try:
                UUID(str(cursor.position))
            except ValueError:
                raise NotFound(self.invalid_cursor_message) from None
        return cursor


class ExecutionViewSet(viewsets.GenericViewSet[Execution]):
    """Executions of the graphs that the caller sees."""

    queryset = Execution.objects.none()
    serializer_class = shapes.ExecutionSerializer
    pagination_class = ExecutionPagination
    lookup_value_converter = "uuid"
    token_scopes: ClassVar = {"cancel": "run", "rerun": "run"}

    @extend_schema(
        operation_id="executions_list",
        parameters=[
            OpenApiParameter("graph", int, description="Executions of this graph."),
            OpenApiParameter("status", str, many=True, enum=shapes.EXECUTION_STATUSES),
            OpenApiParameter("trigger", str, description="What started them: manual, api, …"),
            OpenApiParameter("batch", UUID, description="Those that were started together."),
            OpenApiParameter("parent", UUID, description="Those that nodes of this one have started."),
            OpenApiParameter("retry_of", UUID, description="Those that take this one up."),
        ],
        responses=shapes.ExecutionSerializer(many=True),
    )
    def list(self, request: Request) -> Response:
        """Executions, newest first."""
        runs = visible(request.user)
        if graph := number_parameter(request, "graph"):
            runs = runs.filter(graph=graph)
        if statuses := request.query_params.getlist("status"):
            runs = runs.filter(status__in=_statuses(statuses))
        if trigger := text_parameter(request, "trigger"):
            runs = runs.filter(trigger=trigger)
        for name in ("batch", "parent", "retry_of"):
            if id := _id_parameter(request, name):
                runs = runs.filter(**{name: id})
        rows: Any = runs.values(*EXECUTION_COLUMNS)
        page = self.paginate_queryset(rows)
        return self.get_paginated_response([execution_row(values) for values in page or ()])

    @extend_schema(operation_id="executions_retrieve", responses=shapes.ExecutionDetailSerializer)
    def retrieve(self, request: Request, pk: UUID) -> Response:
        """The execution with inputs, outputs, what happened to it as a whole, and what holds it up."""
        run = found(request.user, pk)
        return Response(detailed(request, run.pk))

    @extend_schema(
        operation_id="executions_nodes_list",
        parameters=[SINCE, LIMIT],
        responses=shapes.NodePageSerializer,
        filters=False,
    )
    @action(detail=True, methods=["get"], pagination_class=None)
    def nodes(self, request: Request, pk: UUID) -> Response:
        """Node executions that changed after `since`, oldest change first."""
        run = found(request.user, pk)
        since, limit = number_parameter(request, "since"), number_parameter(request, "limit") or CHUNK_ROWS
        limit = min(limit, CHUNK_ROWS)
        rows = read_nodes(run.pk, since, limit=limit)
        last = rows[-1]["seq"] if rows else 0
        head = max(run.seq, last)
        return Response({"seq": last if len(rows) == limit else head, "head": head, "results": rows})

    @extend_schema(operation_id="executions_outputs", responses={200: OpenApiTypes.OBJECT})
    @action(detail=True, methods=["get"])
    def outputs(self, request: Request, pk: UUID) -> Response:
        """The outputs by name; those that are not there yet are absent."""
        run = found(request.user, pk)
        return Response(Execution.objects.values_list("outputs", flat=True).get(pk=run.pk) or {})

    @extend_schema(operation_id="executions_cancel", request=None, responses={202: shapes.StartedSerializer})
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, pk: UUID) -> Response:
        """Ask the execution to end; one that is over stays as it is."""
        run = found(request.user, pk, "runner")
        cancel_execution(run, user=caller(request))
        return Response(started(request, run.pk), status=status.HTTP_202_ACCEPTED)

    @extend_schema(
        operation_id="executions_rerun",
        request=None,
        responses={202: shapes.StartedSerializer, **problems(402, 422)},
    )
    @action(detail=True, methods=["post"])
    def rerun(self, request: Request, pk: UUID) -> Response:
        """Start a new execution of the same version with the same inputs."""
        run = found(request.user, pk, "runner")
        row = started(request, rerun_execution(run, user=caller(request)).pk)
        return Response(row, status=status.HTTP_202_ACCEPTED, headers={"Location": row["url"]})


class NodeExecutionDetail(APIView):
    """One run of one node."""

    @extend_schema(operation_id="executions_nodes_retrieve", parameters=[AFTER], responses=shapes.NodeDetailSerializer)
    def get(self, request: Request, execution_id: UUID, id: UUID) -> Response:
        """The node execution with what went in and came out."""
        run = found(request.user, execution_id)
        row = found_node(run, id)
        after = number_parameter(request, "after") if "after" in request.query_params else -1
        outputs, more = outputs_of(row, after)
        for output in outputs:
            if output["truncated"]:
                address = [execution_id, id, output["index"]]
                output["url"] = reverse("execution-node-output", args=address, request=request)
        shown = {"outputs": outputs, "more_outputs": more, "log": log_of(row)}
        return Response({**node_row(vars(row)), **inputs_of(row, run.version_id), **shown})


class NodeOutput(APIView):
    """One yielded value, whole."""

    @extend_schema(
        operation_id="executions_nodes_output",
        responses={200: OpenApiResponse(OpenApiTypes.ANY, "The value.")},
    )
    def get(self, request: Request, execution_id: UUID, id: UUID, index: int) -> HttpResponse:
        """The value as JSON."""
        run = found(request.user, execution_id)
        row = Output.objects.filter(execution=run, node_execution=id, index=index).first()
        if row is None:
            raise Http404
        return HttpResponse(_bytes(row), content_type="application/json")


def _id_parameter(request: Request, name: str) -> UUID | None:
    try:
        return UUID(given) if (given := request.query_params.get(name)) else None
    except ValueError:
        raise ValidationError({name: "Must be the id of an execution."}) from None


def _bytes(row: Output) -> bytes:
    if not row.blob_id:
        return dump(row.value)
    with default_storage.open(blob_name(row.blob_id)) as file:
        content: bytes = file.read()
        return content


def _statuses(given: list[str]) -> list[str]:
    names = [name for part in given for name in part.split(",") if name]
    if unknown := sorted(set(names) - set(shapes.EXECUTION_STATUSES)):
        raise ValidationError({"status": f"Unknown: {', '.join(unknown)}."})
    return names
