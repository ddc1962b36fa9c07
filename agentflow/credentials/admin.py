"""Credentials in the admin: who has which, shared with whom, last used when; their secrets are nowhere."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from agentflow.admin_lists import UncountedPaginator
from agentflow.credentials.models import Credential, CredentialShare


class CredentialShareInline(admin.TabularInline):  # type: ignore[type-arg]  # takes none at run time
    """Groups that the credential is shared with."""

    model = CredentialShare
    autocomplete_fields = ("group",)
    extra = 0


@admin.register(Credential)
class CredentialAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # takes none at run time
    """Looked over, renamed, shared and deleted; people make their own on the page Credentials."""

    list_display = ("name", "kind", "owner", "last_used_at", "updated_at", "problem")
    list_filter = ("kind",)
    list_select_related = ("owner",)
    list_per_page = 50
    paginator = UncountedPaginator
    show_full_result_count = False
    search_fields = ("name", "owner__username")
    fields = (
        *("name", "kind", "owner", "hosts", "settings", "secret_names", "problem"),
        *("expires_at", "last_used_at", "last_used_in", "created_at", "updated_at"),
    )
    readonly_fields = fields[1:]
    inlines = (CredentialShareInline,)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Nobody: a secret belongs to who gives it."""
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Rows without what is sealed."""
        return super().get_queryset(request).defer("sealed")


@admin.register(CredentialShare)
class CredentialShareAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # as above
    """Which group may do what with which credential."""

    list_display = ("credential", "group", "role")
    list_filter = ("role",)
    list_select_related = ("credential", "group")
    show_full_result_count = False
    search_fields = ("credential__name", "group__name")
    autocomplete_fields = ("credential", "group")
