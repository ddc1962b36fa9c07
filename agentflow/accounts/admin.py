"""API tokens in the admin: who has which, and taking them away; and the audit log."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone

from agentflow.accounts.models import ApiToken, AuditEntry


class StateFilter(admin.SimpleListFilter):
    """Whether a token can be used."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """The choices."""
        return [("usable", "Usable"), ("revoked", "Revoked"), ("expired", "Expired")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[ApiToken]) -> QuerySet[ApiToken]:
        """The chosen tokens."""
        now = timezone.now()
        chosen = {
            "usable": Q(revoked_at=None) & (Q(expires_at=None) | Q(expires_at__gt=now)),
            "revoked": Q(revoked_at__isnull=False),
            "expired": Q(expires_at__lte=now),
        }
        return queryset.filter(chosen.get(self.value() or "", Q()))


@admin.register(ApiToken)
class ApiTokenAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # takes none at run time
    """Tokens; people make their own on the account page."""

    list_display = ("name", "user", "prefix", "scope", "created_at", "last_used_at", "expires_at", "revoked_at")
    list_filter = (StateFilter, "scope")
    list_select_related = ("user",)
    list_per_page = 50
    show_full_result_count = False
    search_fields = ("name", "prefix", "user__username")
    fields = readonly_fields = list_display
    actions = ("revoke",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Nobody: the text of a token is shown once, to its owner."""
        return False

    @admin.action(description="Revoke", permissions=["change"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[ApiToken]) -> None:
        """Refuse these tokens from now on."""
        revoked = queryset.filter(revoked_at=None).update(revoked_at=timezone.now())
        self.message_user(request, f"{revoked} revoked.", messages.SUCCESS)


@admin.register(AuditEntry)
class AuditEntryAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # takes none at run time
    """Who did what; to be read only."""

    list_display = ("at", "actor_name", "action", "target_name", "target_kind", "via", "address")
    list_filter = ("action", "target_kind")
    list_per_page = 50
    show_full_result_count = False
    search_fields = ("actor_name", "target_name", "target_id")
    fields = readonly_fields = (*list_display, "target_id", "graph_id", "detail")

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Nobody: the product writes it."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: AuditEntry | None = None) -> bool:
        """Nobody; nor could they."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: AuditEntry | None = None) -> bool:
        """Nobody; nor could they."""
        return False
