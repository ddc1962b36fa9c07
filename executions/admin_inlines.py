"""The node executions of an execution, a page at a time."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.functional import cached_property
from django.utils.safestring import SafeString

from agentflow.admin_lists import FormSet, ReadOnlyInline
from executions.admin_display import badge, duration, link, note_of
from executions.models import NodeExecution

PAGE_ROWS = 50
LAST_PAGE = 100_000
#: Everything but arrivals, log, usage and what else only one row's page shows.
COLUMNS = (
    "id",
    "execution_id",
    "node",
    "block",
    "path",
    "ordinal",
    "attempt",
    "status",
    "error",
    "waits",
    "reused",
    "pinned",
    "started_at",
    "ended_at",
    "seq",
)


class PagedFormSet(FormSet):
    """One page of the rows; knows whether there is a next one without counting."""

    page_number = 1

    @cached_property
    def fetched(self) -> list[Any]:
        """The page's rows and, if there is one, the first of the next."""
        start = (self.page_number - 1) * PAGE_ROWS
        return list(super().get_queryset()[start : start + PAGE_ROWS + 1])

    def get_queryset(self) -> Any:
        """The page's rows."""
        return self.fetched[:PAGE_ROWS]

    @property
    def previous_page(self) -> int:
        """Number of the page before; 0 on the first."""
        return self.page_number - 1

    @property
    def next_page(self) -> int:
        """Number of the next page; 0 on the last."""
        return self.page_number + 1 if len(self.fetched) > PAGE_ROWS else 0


class NodeExecutionInline(ReadOnlyInline):
    """Node executions in the order in which they last changed."""

    model = NodeExecution
    formset: Any = PagedFormSet
    template = "admin/executions/nodeexecution/paged.html"
    verbose_name_plural = "Node executions"
    fields = readonly_fields = ("run", "block", "where", "attempt", "state", "took", "message", "seq")
    ordering = ("seq",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[NodeExecution]:
        """Rows without payloads."""
        return super().get_queryset(request).only(*COLUMNS)

    def get_formset(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:
        """The formset of the page that the address names."""
        formset = super().get_formset(request, obj, **kwargs)
        asked = request.GET.get("nodes", "1")
        number = int(asked) if asked.isascii() and asked.isdigit() else 1
        return type("PageFormSet", (formset,), {"page_number": min(max(number, 1), LAST_PAGE)})

    @admin.display(description="node")
    def run(self, row: NodeExecution) -> SafeString:
        """The node, with a link to the row."""
        return link("admin:executions_nodeexecution_change", [row.pk], row.node)

    @admin.display(description="path, lap")
    def where(self, row: NodeExecution) -> str:
        """Where in which loops, and the how-manieth run there."""
        return f"{', '.join(map(str, row.path)) or '–'}{f' #{row.ordinal}' if row.ordinal else ''}"

    @admin.display(description="status")
    def state(self, row: NodeExecution) -> SafeString:
        """Sign and word."""
        return badge(row.status, note_of(row))

    @admin.display(description="duration")
    def took(self, row: NodeExecution) -> str:
        """How long it took."""
        return duration(row)

    def message(self, row: NodeExecution) -> str:
        """Why it failed or was skipped."""
        return str((row.error or {}).get("message", ""))[:200]
