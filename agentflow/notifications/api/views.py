"""The caller's notifications, channels and rules; lateness and completion webhooks of graphs."""

from typing import Any, ClassVar, cast
from uuid import UUID

from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.http import Http404
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import mixins, status, viewsets
from rest_framework.decorators import action
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.pagination import Cursor
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from agentflow.accounts import audit
from agentflow.api.pagination import CursorPagination
from agentflow.api.problems import Problem
from agentflow.api.schema import problems
from agentflow.graphs.api.requests import checked, number_parameter
from agentflow.graphs.models import Role
from agentflow.graphs.permissions import get_graph, graphs_for
from agentflow.notifications import hooks, lateness, services
from agentflow.notifications.api import serializers as shapes
from agentflow.notifications.counting import unread
from agentflow.notifications.kinds import Way
from agentflow.notifications.models import Channel, Delivery, GraphWatch, Hook, HookCall, Notification, Rule

GRAPH = OpenApiParameter("graph", int, description="Of this graph.")


class NewestFirst(CursorPagination):
    """Ids sort by time."""

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


def caller(request: Request) -> User:
    """Who calls."""
    return cast(User, request.user)


class NotificationViewSet(mixins.ListModelMixin, viewsets.GenericViewSet[Notification]):
    """What the caller was told."""

    queryset = Notification.objects.none()
    serializer_class = shapes.NotificationSerializer
    pagination_class = NewestFirst
    token_scopes: ClassVar = {"read": "run"}

    def get_queryset(self) -> QuerySet[Notification]:
        """The caller's own, all or those that were not read."""
        rows = services.told(caller(self.request)).select_related("graph")
        chosen = self.request.query_params.get("unread", "")
        if chosen not in ("", "true", "false"):
            raise ValidationError({"unread": "Must be true or false."})
        return rows.filter(read_at=None) if chosen == "true" else rows

    @extend_schema(
        operation_id="notifications_list",
        parameters=[OpenApiParameter("unread", bool, description="Only those that were not read.")],
    )
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Notifications, newest first."""
        return super().list(request, *args, **kwargs)

    @extend_schema(operation_id="notifications_unread", responses=shapes.UnreadSerializer, filters=False)
    @action(detail=False, methods=["get"], pagination_class=None)
    def unread(self, request: Request) -> Response:
        """How many were not read."""
        return Response({"unread": unread(caller(request))})

    @extend_schema(operation_id="notifications_read", request=shapes.ReadRequest, responses=shapes.UnreadSerializer)
    @action(detail=False, methods=["post"])
    def read(self, request: Request) -> Response:
        """Mark notifications as read."""
        services.mark_read(caller(request), checked(shapes.ReadRequest, request).get("ids"))
        return Response({"unread": unread(caller(request))})


class ChannelViewSet(viewsets.GenericViewSet[Channel]):
    """The ways in which the caller is told."""

    queryset = Channel.objects.none()
    serializer_class = shapes.ChannelSerializer
    pagination_class = None
    lookup_value_converter = "uuid"

    def get_queryset(self) -> QuerySet[Channel]:
        """The caller's own."""
        return Channel.objects.filter(user=caller(self.request)).select_related("user")

    @extend_schema(operation_id="channels_list", responses=shapes.ChannelSerializer(many=True), filters=False)
    def list(self, request: Request) -> Response:
        """All of them; the bell, and e-mail if there is an address, are there from the beginning."""
        return Response(shapes.ChannelSerializer(services.own_channels(caller(request)), many=True).data)

    @extend_schema(
        operation_id="channels_create",
        request=shapes.NewChannel,
        responses={201: shapes.ChannelSerializer, **problems(422)},
    )
    def create(self, request: Request) -> Response:
        """Add an Apprise target."""
        channel = services.add_target(caller(request), **checked(shapes.NewChannel, request))
        audit.record(caller(request), "created", channel, request=request)
        return Response(shapes.ChannelSerializer(channel).data, status=status.HTTP_201_CREATED)

    @extend_schema(operation_id="channels_retrieve", responses=shapes.ChannelSerializer)
    def retrieve(self, request: Request, pk: UUID) -> Response:
        """One channel."""
        return Response(shapes.ChannelSerializer(self.get_object()).data)

    @extend_schema(
        operation_id="channels_change",
        request=shapes.ChannelChange,
        responses={200: shapes.ChannelSerializer, **problems(422)},
    )
    def partial_update(self, request: Request, pk: UUID) -> Response:
        """Change it; `is_on: false` switches it off."""
        changes = checked(shapes.ChannelChange, request)
        channel = services.change_channel(self.get_object(), changes)
        audit.record(caller(request), "changed", channel, detail={"members": sorted(changes)}, request=request)
        return Response(shapes.ChannelSerializer(channel).data)

    @extend_schema(operation_id="channels_delete", responses={204: None, **problems(409)})
    def destroy(self, request: Request, pk: UUID) -> Response:
        """Delete a target; the bell and e-mail can only be switched off."""
        channel = self.get_object()
        if channel.way != Way.APPRISE:
            raise Problem("The bell and e-mail can only be switched off: is_on.", status_code=409)
        audit.record(caller(request), "deleted", channel, request=request)
        channel.delete()
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(operation_id="channels_test", request=None, responses={202: None})
    @action(detail=True, methods=["post"])
    def test(self, request: Request, pk: UUID) -> Response:
        """Send a test; `deliveries` shows what became of it."""
        services.try_channel(self.get_object())
        return Response(status=status.HTTP_202_ACCEPTED)

    @extend_schema(operation_id="channels_deliveries", responses=shapes.NotificationDeliverySerializer(many=True))
    @action(detail=True, methods=["get"], pagination_class=NewestFirst)
    def deliveries(self, request: Request, pk: UUID) -> Response:
        """What was sent by it, or will be, newest first."""
        rows: Any = Delivery.objects.filter(channel=self.get_object()).select_related("notification")
        page = self.paginate_queryset(rows)
        return self.get_paginated_response(shapes.NotificationDeliverySerializer(page, many=True).data)


class RuleViewSet(mixins.ListModelMixin, viewsets.GenericViewSet[Rule]):
    """What the caller is told of single graphs."""

    queryset = Rule.objects.none()
    serializer_class = shapes.RuleSerializer
    lookup_value_converter = "int"

    def get_queryset(self) -> QuerySet[Rule]:
        """The caller's own, for graphs that the caller sees."""
        user = caller(self.request)
        return Rule.objects.filter(channel__user=user, graph__in=graphs_for(user)).select_related("graph")

    @extend_schema(
        operation_id="notification_rules_create",
        request=shapes.NewRule,
        responses={201: shapes.RuleSerializer, **problems(404)},
    )
    def create(self, request: Request) -> Response:
        """Say what of a graph is told by a channel."""
        wanted = checked(shapes.NewRule, request)
        channel = get_object_or_404(Channel, pk=wanted.pop("channel"), user=caller(request))
        graph = get_graph(caller(request), wanted.pop("graph"))
        rule = services.set_rule(channel, graph, **wanted)
        return Response(shapes.RuleSerializer(rule).data, status=status.HTTP_201_CREATED)

    @extend_schema(operation_id="notification_rules_delete", responses={204: None})
    def destroy(self, request: Request, pk: int) -> Response:
        """Back to what the channel says for all graphs."""
        self.get_object().delete()
        return Response(status=status.HTTP_204_NO_CONTENT)


class WatchView(APIView):
    """When a graph's runs are late."""

    @extend_schema(operation_id="notification_watches_retrieve", responses=shapes.WatchSerializer)
    def get(self, request: Request, graph_id: int) -> Response:
        """The limits."""
        graph = get_graph(caller(request), graph_id)
        watch = GraphWatch.objects.filter(graph=graph).first() or GraphWatch(graph=graph)
        return Response(shapes.WatchSerializer(watch).data)

    @extend_schema(
        operation_id="notification_watches_update", request=shapes.WatchSerializer, responses=shapes.WatchSerializer
    )
    def put(self, request: Request, graph_id: int) -> Response:
        """Set both limits; whoever may edit the graph may."""
        graph = get_graph(caller(request), graph_id, Role.EDITOR)
        watch = lateness.set_limits(graph, **checked(shapes.WatchSerializer, request))
        audit.record(caller(request), "changed", graph, detail={"what": "lateness"}, request=request)
        return Response(shapes.WatchSerializer(watch).data)


class HookViewSet(mixins.ListModelMixin, viewsets.GenericViewSet[Hook]):
    """Completion webhooks of the graphs that the caller may edit."""

    queryset = Hook.objects.none()
    serializer_class = shapes.HookSerializer
    pagination_class = NewestFirst
    lookup_value_converter = "uuid"

    def get_queryset(self) -> QuerySet[Hook]:
        """Those of graphs that the caller may edit."""
        rows = Hook.objects.filter(graph__in=graphs_for(caller(self.request), Role.EDITOR)).select_related("graph")
        graph = number_parameter(self.request, "graph")
        return rows.filter(graph=graph) if graph else rows

    @extend_schema(operation_id="hooks_list", parameters=[GRAPH])
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Hooks, newest first."""
        return super().list(request, *args, **kwargs)

    @extend_schema(
        operation_id="hooks_create",
        request=shapes.NewHook,
        responses={201: shapes.CreatedHookSerializer, **problems(404, 422)},
    )
    def create(self, request: Request) -> Response:
        """Add a hook; the secret that signs its calls is in this answer and nowhere else."""
        wanted = checked(shapes.NewHook, request)
        graph = get_graph(caller(request), wanted.pop("graph"), Role.EDITOR)
        hook, secret = services.add_hook(graph, user=caller(request), **wanted)
        audit.record(caller(request), "created", hook, request=request)
        return Response(_with_secret(hook, secret), status=status.HTTP_201_CREATED)

    @extend_schema(operation_id="hooks_retrieve", responses=shapes.HookSerializer)
    def retrieve(self, request: Request, pk: UUID) -> Response:
        """One hook."""
        return Response(shapes.HookSerializer(self.get_object()).data)

    @extend_schema(
        operation_id="hooks_change", request=shapes.HookChange, responses={200: shapes.HookSerializer, **problems(422)}
    )
    def partial_update(self, request: Request, pk: UUID) -> Response:
        """Change it."""
        changes = checked(shapes.HookChange, request)
        hook = services.change_hook(self.get_object(), changes)
        audit.record(caller(request), "changed", hook, detail={"members": sorted(changes)}, request=request)
        return Response(shapes.HookSerializer(hook).data)

    @extend_schema(operation_id="hooks_delete", responses={204: None})
    def destroy(self, request: Request, pk: UUID) -> Response:
        """Delete it with its calls."""
        hook = self.get_object()
        audit.record(caller(request), "deleted", hook, request=request)
        services.delete_hook(hook)
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(operation_id="hooks_secret", request=None, responses=shapes.CreatedHookSerializer)
    @action(detail=True, methods=["post"])
    def secret(self, request: Request, pk: UUID) -> Response:
        """Make a new secret; the one before signs nothing more."""
        hook = self.get_object()
        secret = hooks.renew_secret(hook)
        hook.save(update_fields=["sealed", "key"])
        audit.record(caller(request), "changed", hook, detail={"members": ["secret"]}, request=request)
        return Response(_with_secret(hook, secret))

    @extend_schema(operation_id="hooks_test", request=None, responses={202: shapes.HookCallSerializer})
    @action(detail=True, methods=["post"])
    def test(self, request: Request, pk: UUID) -> Response:
        """Call it for no run."""
        call = hooks.try_hook(self.get_object())
        call.refresh_from_db()
        return Response(shapes.HookCallSerializer(call).data, status=status.HTTP_202_ACCEPTED)

    @extend_schema(operation_id="hooks_calls", responses=shapes.HookCallSerializer(many=True))
    @action(detail=True, methods=["get"], pagination_class=NewestFirst)
    def calls(self, request: Request, pk: UUID) -> Response:
        """Its calls, newest first."""
        rows: Any = HookCall.objects.filter(hook=self.get_object()).defer("body")
        page = self.paginate_queryset(rows)
        return self.get_paginated_response(shapes.HookCallSerializer(page, many=True).data)


class RepeatCall(APIView):
    """One call of a hook again."""

    @extend_schema(operation_id="hooks_calls_repeat", request=None, responses={202: None})
    def post(self, request: Request, hook_id: UUID, id: UUID) -> Response:
        """Make the call again with the same content; one that is still to be made stays as it is."""
        graphs = graphs_for(caller(request), Role.EDITOR)
        call = HookCall.objects.filter(pk=id, hook=hook_id, hook__graph__in=graphs).first()
        if call is None:
            raise Http404
        hooks.repeat(call)
        return Response(status=status.HTTP_202_ACCEPTED)


def _with_secret(hook: Hook, secret: str) -> dict[str, Any]:
    return {**shapes.HookSerializer(hook).data, "secret": secret}
