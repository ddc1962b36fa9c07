"""Admin lists that stay quick with millions of rows: no counting, no payloads, nothing to edit."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.core.paginator import Paginator
from django.db import connection
from django.db.models import Model, QuerySet
from django.forms import BaseInlineFormSet
from django.http import HttpRequest
from django.utils.functional import cached_property

if TYPE_CHECKING:
    FormSet = BaseInlineFormSet[Any, Any, Any]
    Inline = admin.TabularInline[Any, Any]
    Pages = Paginator[Any]
    Admin = admin.ModelAdmin[Any]
else:  # only the type checker knows them as generic
    FormSet, Inline, Pages, Admin = BaseInlineFormSet, admin.TabularInline, Paginator, admin.ModelAdmin

#: Rows that are counted exactly; how many more there are is estimated, or said as "more than".
MOST_COUNTED = 2_000
#: Rows of an inline.
MOST_INLINE = 50


class About(int):
    """A number of rows that nobody counted."""

    word = "about"

    def __str__(self) -> str:
        return f"{self.word} {int(self):,}"


class MoreThan(About):
    """At least so many."""

    word = "more than"


class UncountedPaginator(Pages):
    """Pages of a table that nobody counts: small results exactly, whole tables by PostgreSQL's own estimate."""

    @cached_property
    def count(self) -> int:
        """How many rows there are, as far as pages go."""
        rows: Any = self.object_list
        counted = len(rows.order_by().values_list("pk")[: MOST_COUNTED + 1])
        if counted <= MOST_COUNTED:
            return counted
        if rows.query.where:
            return MoreThan(MOST_COUNTED)
        return About(max(estimated_rows(rows.model), counted))


def estimated_rows(model: type[Model]) -> int:
    """Rows of a table by the planner's statistics; 0 for one that was never analysed."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT reltuples::bigint FROM pg_class WHERE oid = %s::regclass", [model._meta.db_table])  # noqa: SLF001  Django's public API
        (rows,) = cursor.fetchone()
    return max(int(rows), 0)


class LeanChangeList(ChangeList):
    """Reads only the columns that the list shows: `ModelAdmin.list_columns`."""

    def get_queryset(self, request: HttpRequest, exclude_parameters: Any = None) -> QuerySet[Any]:
        """The rows with their columns."""
        columns: Sequence[str] = self.model_admin.list_columns  # type: ignore[attr-defined]  # a ReadOnlyAdmin
        return super().get_queryset(request, exclude_parameters).only(*columns)


class ReadOnlyAdmin(Admin):
    """Shows what the system recorded; nobody adds, changes or deletes it by hand."""

    actions: Sequence[Any] = ()
    list_columns: Sequence[str] = ()
    list_per_page = 50
    list_max_show_all = 0
    paginator = UncountedPaginator
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    #: Sorting by a column without an index reads the whole table.
    sortable_by: ClassVar[tuple[str, ...]] = ()

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        """The list that reads `list_columns` only."""
        return LeanChangeList

    def has_add_permission(self, request: HttpRequest, *args: Any) -> bool:
        """Nobody."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody: retention deletes."""
        return False


class FirstRows(FormSet):
    """The first rows of a relation; a page does not grow with the table."""

    def get_queryset(self) -> Any:
        """At most MOST_INLINE rows."""
        return super().get_queryset()[:MOST_INLINE]


class ReadOnlyInline(Inline):
    """Shows the first rows of a relation; nothing to edit."""

    formset = FirstRows
    extra = 0
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody."""
        return False
