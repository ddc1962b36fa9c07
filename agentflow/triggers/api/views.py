"""Triggers: list, make, change, pause, test, delete; deliveries of webhooks."""

from collections.abc import Mapping
from typing import Any, ClassVar, cast

from django.contrib.auth.models import User
from django.http import Http404
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import status, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from agentflow.api.schema import problems
from agentflow.credentials.permissions import credentials_for
from agentflow.graphs.api.requests import checked, number_parameter
from agentflow.graphs.models import Graph, Role
from agentflow.graphs.permissions import Rank, get_graph, graphs_for
from agentflow.triggers import services
from agentflow.triggers.api import serializers as shapes
from agentflow.triggers.api.rows import delivery_row, trigger_row
from agentflow.triggers.models import Chain, Delivery, Form, Schedule, Trigger, Webhook
from agentflow.triggers.permissions import get_trigger, rank_of, triggers_for
from agentflow.triggers.receiving import replay

GRAPH = OpenApiParameter("graph", int, description="Of this graph.")


class TriggerViewSet(viewsets.GenericViewSet[Any]):
    """Triggers of one kind, of the graphs that the caller sees."""

    model: type[Any]
    request_shape: type[shapes.TriggerRequest]
    lookup_value_converter = "int"
    token_scopes: ClassVar = {"test": "run", "replay": "run"}

    def list(self, request: Request) -> Response:
        """Those of the graphs that the caller sees, and the caller's own, newest first."""
        found = triggers_for(self.model, request.user)
        if graph := number_parameter(request, "graph"):
            found = found.filter(graph=graph)
        page = self.paginate_queryset(found) or []
        seen: Any = graphs_for(self.user).filter(pk__in={row.graph_id for row in page if row.graph_id})
        editable = {graph.pk for graph in seen if graph.role_rank >= Rank.EDITOR}
        rows = [self._row(row, row.graph_id in editable or row.owner_id == self.user.pk) for row in page]
        return self.get_paginated_response(rows)

    def create(self, request: Request) -> Response:
        """Make one; it runs in the name of the caller."""
        given = checked(self.request_shape, request)
        graph = get_graph(self.user, given.pop("graph"), Role.EDITOR)
        is_paused = given.pop("paused", False)
        members = self._members(given)
        made = services.create_trigger(self.model, graph, owner=self.user, is_paused=is_paused, **members)
        made.refresh_from_db()
        response = self._answer(made, status.HTTP_201_CREATED)
        response["Location"] = reverse(f"{self.basename}-detail", args=[made.pk], request=request)
        return response

    def retrieve(self, request: Request, pk: int) -> Response:
        """One."""
        return self._answer(self._found(pk))

    def partial_update(self, request: Request, pk: int) -> Response:
        """Change some members; its graph stays."""
        trigger = self._found(pk, Role.EDITOR)
        shape = self.request_shape(data=request.data, partial=True)
        shape.fields.pop("graph")
        shape.fields.pop("paused")
        shape.is_valid(raise_exception=True)
        return self._answer(services.change_trigger(trigger, self._members(shape.validated_data), user=self.user))

    def destroy(self, request: Request, pk: int) -> Response:
        """Delete it; its runs stay."""
        services.delete_trigger(self._found(pk, Role.EDITOR), user=self.user)
        return Response(status=status.HTTP_204_NO_CONTENT)

    @action(detail=True, methods=["post"])
    def pause(self, request: Request, pk: int) -> Response:
        """Let it start nothing more until it is resumed."""
        return self._answer(services.pause_trigger(self._found(pk, Role.EDITOR), user=self.user))

    @action(detail=True, methods=["post"])
    def resume(self, request: Request, pk: int) -> Response:
        """Let it go on; what was due meanwhile is not missed."""
        return self._answer(services.resume_trigger(self._found(pk, Role.EDITOR), user=self.user))

    @action(detail=True, methods=["post"])
    def test(self, request: Request, pk: int) -> Response:
        """Start what it would start now, also while it is paused."""
        trigger = self._found(pk, Role.RUNNER)
        run = services.test_trigger(trigger, user=self.user, inputs=checked(shapes.TestRequest, request).get("inputs"))
        address = reverse("execution-detail", args=[run.pk], request=request)
        return Response({"execution": run.pk, "url": address}, status=status.HTTP_202_ACCEPTED)

    @property
    def user(self) -> User:
        """The caller; permissions have seen to it that there is one."""
        return cast(User, self.request.user)

    def _found(self, pk: int, role: str = Role.VIEWER) -> Any:
        return get_trigger(self.model, self.user, pk, role)

    def _members(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """What services take, of what was sent."""
        return dict(given)

    def _row(self, trigger: Trigger, may_change: bool) -> dict[str, Any]:  # noqa: FBT001 - one of two columns
        return trigger_row(trigger, self.request, may_change=may_change)

    def _answer(self, trigger: Trigger, code: int = status.HTTP_200_OK) -> Response:
        return Response(self._row(trigger, rank_of(trigger, self.user) >= Rank.EDITOR), status=code)


def described(plural: str, request: Any, row: Any) -> Any:
    """A decorator that describes the operations of one kind."""
    return extend_schema_view(
        list=extend_schema(operation_id=f"{plural}_list", parameters=[GRAPH], responses=row(many=True)),
        create=extend_schema(
            operation_id=f"{plural}_create", request=request, responses={201: row, **problems(404, 422)}
        ),
        retrieve=extend_schema(operation_id=f"{plural}_retrieve", responses=row),
        partial_update=extend_schema(
            operation_id=f"{plural}_change", request=request(partial=True), responses={200: row, **problems(422)}
        ),
        destroy=extend_schema(operation_id=f"{plural}_delete", responses={204: None}),
        pause=extend_schema(operation_id=f"{plural}_pause", request=None, responses=row),
        resume=extend_schema(operation_id=f"{plural}_resume", request=None, responses={200: row, **problems(422)}),
        test=extend_schema(
            operation_id=f"{plural}_test",
            request=shapes.TestRequest,
            responses={202: shapes.StartedByTrigger, **problems(422)},
        ),
    )


@described("schedules", shapes.ScheduleRequest, shapes.ScheduleSerializer)
class ScheduleViewSet(TriggerViewSet):
    """Cron schedules."""

    queryset = Schedule.objects.none()
    model, request_shape, serializer_class = Schedule, shapes.ScheduleRequest, shapes.ScheduleSerializer


class AddressedViewSet(TriggerViewSet):
    """Those with an address."""

    @action(detail=True, methods=["post"])
    def renew(self, request: Request, pk: int) -> Response:
        """Give it another address; the old one is refused at once."""
        return self._answer(services.renew_address(self._found(pk, Role.EDITOR), user=self.user))


@extend_schema_view(
    renew=extend_schema(operation_id="webhooks_renew", request=None, responses=shapes.WebhookSerializer)
)
@described("webhooks", shapes.WebhookRequest, shapes.WebhookSerializer)
class WebhookViewSet(AddressedViewSet):
    """Webhooks."""

    queryset = Webhook.objects.none()
    model, request_shape, serializer_class = Webhook, shapes.WebhookRequest, shapes.WebhookSerializer

    @extend_schema(
        operation_id="webhooks_deliveries_list", responses=shapes.DeliverySerializer(many=True), filters=False
    )
    @action(detail=True, methods=["get"])
    def deliveries(self, request: Request, pk: int) -> Response:
        """What came last, newest first."""
        page = self.paginate_queryset(self._found(pk).deliveries.all())
        return self.get_paginated_response([delivery_row(row) for row in page or ()])

    @extend_schema(
        operation_id="webhooks_deliveries_replay",
        request=None,
        responses={202: shapes.StartedByTrigger, **problems(422)},
    )
    @action(detail=True, methods=["post"], url_path="deliveries/<int:delivery>/replay", url_name="replay")
    def replay(self, request: Request, pk: int, delivery: int) -> Response:
        """Start the graph once more with what came then."""
        webhook = self._found(pk, Role.RUNNER)
        found = webhook.deliveries.select_related("webhook__owner", "webhook__graph").filter(pk=delivery).first()
        if found is None:
            raise Http404
        run = replayed(found)
        return Response(
            {"execution": run, "url": reverse("execution-detail", args=[run], request=request)},
            status=status.HTTP_202_ACCEPTED,
        )

    def _members(self, given: Mapping[str, Any]) -> dict[str, Any]:
        found = dict(given)
        if "signature" in found:
            found["signature"] = found["signature"] or {}
        if found.get("credential"):
            credential = credentials_for(self.user, Role.RUNNER).filter(pk=found["credential"]).first()
            if credential is None:
                detail = "There is no such credential that you may use."
                raise services.TriggerRefused([{"pointer": "#/credential", "detail": detail}])
            found["credential"] = credential
        return found


@extend_schema_view(renew=extend_schema(operation_id="forms_renew", request=None, responses=shapes.FormSerializer))
@described("forms", shapes.FormRequest, shapes.FormSerializer)
class FormViewSet(AddressedViewSet):
    """Hosted forms."""

    queryset = Form.objects.none()
    model, request_shape, serializer_class = Form, shapes.FormRequest, shapes.FormSerializer


@described("chains", shapes.ChainRequest, shapes.ChainSerializer)
class ChainViewSet(TriggerViewSet):
    """Graphs that follow others."""

    queryset = Chain.objects.none()
    model, request_shape, serializer_class = Chain, shapes.ChainRequest, shapes.ChainSerializer

    def _members(self, given: Mapping[str, Any]) -> dict[str, Any]:
        found = dict(given)
        if "source" in found:
            source: Graph | None = graphs_for(self.user).filter(pk=found["source"]).first()
            if source is None:
                detail = "There is no such graph that you may see."
                raise services.TriggerRefused([{"pointer": "#/source", "detail": detail}])
            found["source"] = source
        return found


def replayed(delivery: Delivery) -> Any:
    """The run that a delivery starts once more; raises TriggerRefused if it does not."""
    answer = replay(delivery)
    if answer.execution is None:
        raise services.TriggerRefused([{"pointer": "#", "detail": answer.detail}])
    return answer.execution
