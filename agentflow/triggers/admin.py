"""Triggers in the admin: everything can be looked at and paused; they are changed on their own pages."""

from typing import Any

from django.contrib import admin, messages
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest

from agentflow.admin_lists import ReadOnlyAdmin
from agentflow.triggers.models import MODELS, Chain, Delivery, Form, Schedule, Webhook
from agentflow.triggers.pausing import pause


class TriggerAdmin(ReadOnlyAdmin):
    """One kind of trigger, newest first."""

    list_display: tuple[str, ...] = ("__str__", "graph_name", "owner", "state", "last_started_at")
    list_columns: tuple[str, ...] = (
        *("id", "name", "graph_name", "paused_at", "pause_reason", "last_started_at", "owner__username"),
    )
    list_select_related = ("owner",)
    search_fields = ("name", "graph_name")
    ordering = ("-id",)
    actions = ("pause_selected",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """The rows with their owners and graphs."""
        return super().get_queryset(request).select_related("owner", "graph")

    @admin.display(description="State")
    def state(self, trigger: Any) -> str:
        """Whether it starts something, and if not, why."""
        if trigger.paused_at is None:
            return "active"
        return f"paused: {trigger.pause_reason}" if trigger.pause_reason else "paused"

    def has_operate_permission(self, request: HttpRequest) -> bool:
        """Who may pause."""
        return request.user.has_perm(f"triggers.change_{self.opts.model_name}")

    @admin.action(description="Pause the selected ones", permissions=["operate"])
    def pause_selected(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        """Let them start nothing more until somebody lets them go on."""
        with transaction.atomic():
            rows = MODELS[self.model.kind].objects.select_for_update(of=("self",)).order_by("pk")
            found = list(rows.filter(pk__in=queryset.values("pk"), paused_at=None))
            for trigger in found:
                pause(trigger)
        self.message_user(request, f"{len(found)} paused.", messages.SUCCESS)


@admin.register(Schedule)
class ScheduleAdmin(TriggerAdmin):
    """Cron schedules."""

    list_display = ("__str__", "graph_name", "owner", "cron", "time_zone", "state", "due_at", "last_started_at")
    list_columns = (*TriggerAdmin.list_columns, "cron", "time_zone", "due_at")


@admin.register(Webhook)
class WebhookAdmin(TriggerAdmin):
    """Webhooks, without their addresses."""

    exclude = ("nonce", "digest")
    list_display = ("__str__", "graph_name", "owner", "method", "state", "last_started_at")
    list_columns = (*TriggerAdmin.list_columns, "method")


@admin.register(Form)
class FormAdmin(TriggerAdmin):
    """Hosted forms, without their addresses."""

    exclude = ("nonce", "digest")
    list_display = ("__str__", "graph_name", "owner", "is_public", "state", "last_started_at")
    list_columns = (*TriggerAdmin.list_columns, "is_public")


@admin.register(Chain)
class ChainAdmin(TriggerAdmin):
    """Graphs that follow others."""

    list_display = ("__str__", "source_name", "after", "graph_name", "owner", "state", "last_started_at")
    list_columns = (*TriggerAdmin.list_columns, "source_name", "after")


@admin.register(Delivery)
class DeliveryAdmin(ReadOnlyAdmin):
    """What came to webhooks, newest first; bodies are shown on the webhooks' own pages."""

    exclude = ("body",)
    list_display = ("id", "webhook", "status", "code", "received_at", "size")
    list_columns = ("id", "status", "code", "received_at", "size", "webhook__name")
    list_select_related = ("webhook",)
    ordering = ("-id",)
