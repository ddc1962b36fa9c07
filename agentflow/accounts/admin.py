"""People in the admin: tokens, roles in groups, invitations, profiles, sessions, and the audit log."""

from typing import Any, cast

from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone

from agentflow.accounts.models import ApiToken, AuditEntry, Invitation, Membership, Profile, SignIn
from agentflow.accounts.services import revoke_token
from agentflow.accounts.sign_ins import sign_out


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
        revoked = 0
        for token in queryset.filter(revoked_at=None):
            revoke_token(token, by=cast(User, request.user))
            revoked += 1
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


@admin.register(Membership)
class MembershipAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # as above
    """Roles of members; who is in a group is said on the page of the user."""

    list_display = ("user", "group", "role", "created_at")
    list_filter = ("role",)
    list_select_related = ("user", "group")
    list_per_page = 50
    show_full_result_count = False
    search_fields = ("user__username", "group__name")
    autocomplete_fields = ("user", "group")


@admin.register(Invitation)
class InvitationAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # as above
    """Invitations; their links are shown once, to who made them."""

    list_display = (
        "group",
        "role",
        "email",
        "invited_by",
        "created_at",
        "expires_at",
        "used_at",
        "used_by",
        "revoked_at",
    )
    list_select_related = ("group", "invited_by", "used_by")
    list_per_page = 50
    show_full_result_count = False
    search_fields = ("group__name", "email")
    fields = readonly_fields = list_display

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Nobody: the group's page makes them."""
        return False


@admin.register(Profile)
class ProfileAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # as above
    """Time zone, locale and preferences."""

    list_display = ("user", "time_zone", "locale")
    list_select_related = ("user",)
    list_per_page = 50
    show_full_result_count = False
    search_fields = ("user__username",)
    autocomplete_fields = ("user",)


@admin.register(SignIn)
class SignInAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # as above
    """Sessions; deleting one signs that browser out."""

    list_display = ("user", "created_at", "seen_at", "address", "agent")
    list_select_related = ("user",)
    list_per_page = 50
    show_full_result_count = False
    search_fields = ("user__username", "address")
    fields = readonly_fields = list_display

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Nobody: logging in makes them."""
        return False

    def delete_model(self, request: HttpRequest, obj: SignIn) -> None:
        """With the session."""
        sign_out(obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[SignIn]) -> None:
        """The same for several."""
        for found in queryset:
            sign_out(found)
