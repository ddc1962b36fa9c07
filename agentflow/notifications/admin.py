"""Notifications in the admin: who is told what and how, what was sent, what could not be."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from agentflow.admin_lists import ReadOnlyAdmin
from agentflow.notifications.models import Channel, Delivery, GraphWatch, Hook, HookCall, Notification, Rule
from agentflow.notifications.sending_again import send_again


@admin.register(Notification)
class NotificationAdmin(ReadOnlyAdmin):
    """What people were told."""

    list_display = ("title", "kind", "user", "times", "happened_at", "read_at")
    list_columns = ("title", "kind", "user_id", "user__username", "times", "happened_at", "read_at")
    list_select_related = ("user",)
    list_filter = ("kind",)
    search_fields = ("user__username__startswith",)
    ordering = ("-happened_at",)
    fields = ("user", "kind", "graph", "title", "text", "path", "times", "is_shown", "happened_at", "read_at")


@admin.register(Channel)
class ChannelAdmin(ReadOnlyAdmin):
    """The ways in which people are told; addresses of targets are nowhere."""

    list_display = ("name", "way", "user", "shown", "pace", "stopped_at", "last_sent_at", "problem")
    list_columns = (
        *("name", "way", "user_id", "user__username", "shown", "pace"),
        "stopped_at",
        "last_sent_at",
        "problem",
    )
    list_select_related = ("user",)
    list_filter = ("way",)
    search_fields = ("user__username__startswith",)
    ordering = ("-created_at",)
    fields = (
        *("user", "way", "name", "shown", "pace", "kinds", "includes_manual"),
        *("stopped_at", "problem", "last_sent_at", "created_at"),
    )


@admin.register(Rule)
class RuleAdmin(ReadOnlyAdmin):
    """What is told of single graphs."""

    list_display = ("channel", "graph", "kinds", "includes_manual")
    list_columns = ("channel_id", "channel__name", "graph_id", "graph__name", "kinds", "includes_manual")
    list_select_related = ("channel", "graph")
    ordering = ("-id",)
    fields = list_display


class SendingAdmin(ReadOnlyAdmin):
    """Something that is sent: what was given up can be sent again."""

    list_filter = ("state",)
    ordering = ("-created_at",)
    actions = ("send_again",)

    def has_resend_permission(self, request: HttpRequest) -> bool:
        """Whoever may change such rows, although nobody does by hand."""
        return request.user.has_perm(f"notifications.change_{self.opts.model_name}")

    @admin.action(description="Send again", permissions=["resend"])
    def send_again(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        """Those of the chosen ones that were given up."""
        many = send_again(queryset)
        self.message_user(request, f"{many} will be sent again.", messages.SUCCESS)


@admin.register(Delivery)
class DeliveryAdmin(SendingAdmin):
    """Notifications on their way."""

    list_display = ("notification", "channel", "state", "attempts", "due_at", "sent_at", "error")
    list_columns = (
        *("notification_id", "notification__title", "channel_id", "channel__name"),
        *("state", "attempts", "due_at", "sent_at", "error"),
    )
    list_select_related = ("notification", "channel")
    fields = (*list_display, "created_at", "message")


@admin.register(GraphWatch)
class GraphWatchAdmin(ReadOnlyAdmin):
    """How graphs' runs go, and when they are late."""

    list_display = ("graph", "failures", "is_told", "failed_at", "longest_minutes", "silent_minutes")
    list_columns = (
        *("graph_id", "graph__name", "failures", "is_told"),
        "failed_at",
        "longest_minutes",
        "silent_minutes",
    )
    list_select_related = ("graph",)
    ordering = ("-graph",)
    fields = (*list_display, "told_at", "level", "ended_at", "expected_since")


@admin.register(Hook)
class HookAdmin(ReadOnlyAdmin):
    """Completion webhooks; their secrets are nowhere."""

    list_display = ("graph", "url", "statuses", "is_on", "problem")
    list_columns = ("graph_id", "graph__name", "url", "statuses", "is_on", "problem")
    list_select_related = ("graph",)
    ordering = ("-created_at",)
    fields = (*list_display, "includes_outputs", "created_by", "created_at")


@admin.register(HookCall)
class HookCallAdmin(SendingAdmin):
    """Calls of hooks; what they say is not shown in the list."""

    list_display = ("hook_id", "execution", "state", "attempts", "answer", "due_at", "sent_at", "error")
    list_columns = list_display
    fields = (*list_display, "created_at")
