"""Executions and what belongs to them in the admin: everything can be looked at, nothing edited."""

from json import dumps
from typing import Any, cast
from uuid import UUID

from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.db.models import F, QuerySet, TextField
from django.db.models.functions import Cast, Left
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from agentflow.admin_lists import ReadOnlyAdmin
from agentflow.graphs.models import Graph
from executions.admin_display import (
    MOST_CHARACTERS,
    badge,
    badge_of,
    duration,
    json_text,
    link,
    local_time,
    note_of,
    short_time,
    table,
)
from executions.admin_family import Family, state_of
from executions.admin_filters import ApprovalStateFilter, CreatedFilter, StatusFilter, TriggerFilter, id_prefix
from executions.admin_inlines import COLUMNS as NODE_COLUMNS
from executions.admin_inlines import NodeExecutionInline
from executions.admin_retry import MOST_AT_ONCE, RETRIED, Retrying
from executions.admin_stuck import StuckPage
from executions.models import (
    Approval,
    Blob,
    EndedRun,
    Execution,
    FollowedGraph,
    NodeExecution,
    NodeJob,
    Output,
    UserLimit,
    Worker,
)
from executions.rows import COUNTS
from executions.services import StartRefused, cancel_executions, rerun_execution

#: Outputs that a node's page shows, and characters of each.
MOST_OUTPUTS = 50
OUTPUT_CHARACTERS = 2_000


def beginning(column: str) -> Left:
    """The first characters of a JSON column, cut by the database."""
    return Left(Cast(column, TextField()), MOST_CHARACTERS + 1)


class Styled:
    """Status colours."""

    css = {"all": ["css/admin.css"]}


@admin.register(Execution)
class ExecutionAdmin(Retrying, Family, ReadOnlyAdmin):
    """Executions, newest first."""

    Media = Styled
    change_list_template = "admin/executions/execution/list.html"
    change_form_template = "admin/executions/execution/detail.html"
    list_display = ("short_id", "state", "what", "owner", "trigger", "created", "took")
    list_display_links = ("short_id",)
    list_columns = (
        "id",
        "status",
        "counts",
        "trigger",
        "created_at",
        "started_at",
        "ended_at",
        "graph__name",
        "version__number",
        "owner__username",
    )
    list_select_related = ("graph", "version", "owner")
    list_filter = (StatusFilter, TriggerFilter, CreatedFilter)
    search_fields = ("id",)
    search_help_text = "The start of an id (8 characters or more), or a part of the graph's name."
    ordering = ("-id",)
    actions = ("cancel", "retry", "run_again")
    inlines = (NodeExecutionInline,)
    fieldsets = (
        (None, {"fields": ("id", "state", "graph_link", "number", "owner", "trigger", "counted", "problem")}),
        ("Times", {"fields": ("created_at", "started_at", "ended_at", "took", "cancel_requested_at", "wake_at")}),
        ("Values", {"fields": ("inputs_text", "outputs_text")}),
        ("What happened", {"fields": ("happened", "questions_table")}),
        (
            "Other executions",
            {
                "fields": (
                    *("parent_link", "children_table", "retry_link", "chosen", "taken", "retries_table"),
                    "batch_link",
                )
            },
        ),
        (
            "Where it runs",
            {"classes": ["collapse"], "fields": ("holder", "epoch", "seq", "depth", "idempotency_key")},
        ),
    )

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """The rows with this start of an id, else of graphs with this in their names."""
        if not search_term.strip():
            return queryset, False
        by_id = id_prefix(search_term)
        if by_id is not None:
            return queryset.filter(by_id), False
        return queryset.filter(graph__in=Graph.objects.filter(name__icontains=search_term.strip()).values("pk")), False

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        """The execution; its values are cut by the database, not here."""
        try:
            key = UUID(object_id)
        except ValueError:
            return None
        rows = Execution.objects.select_related("graph", "version", "owner", "holder")
        cut = rows.annotate(inputs_cut=beginning("inputs"), outputs_cut=beginning("outputs"))
        return cut.defer("inputs", "outputs", "version__spec").filter(pk=key).first()

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        """The page, with a way to retry what can be retried."""
        run = kwargs.get("obj")
        context["can_retry"] = run is not None and run.status in RETRIED and self.has_operate_permission(request)
        return super().render_change_form(request, context, *args, **kwargs)

    def has_operate_permission(self, request: HttpRequest) -> bool:
        """Who may cancel and run again."""
        return request.user.has_perm("executions.change_execution")

    @admin.action(description="Cancel the selected executions", permissions=["operate"])
    def cancel(self, request: HttpRequest, queryset: QuerySet[Execution]) -> None:
        """Ask the selected executions to end."""
        rows = queryset.filter(ended_at=None)[:MOST_AT_ONCE]
        cancel_executions(rows, user=cast(User, request.user))
        self.message_user(request, f"Cancelling {len(rows)}. Those that were over stay as they are.")

    @admin.action(description="Run the selected executions again", permissions=["operate"])
    def run_again(self, request: HttpRequest, queryset: QuerySet[Execution]) -> None:
        """Start each again: same version, same inputs."""
        refused = started = 0
        for run in queryset[:MOST_AT_ONCE]:
            try:
                rerun_execution(run, user=cast(User, request.user))
                started += 1
            except StartRefused:
                refused += 1
        self.message_user(request, f"Started {started}.")
        if refused:
            self.message_user(request, f"{refused} could not be started.", level=messages.WARNING)

    @admin.display(description="id")
    def short_id(self, run: Execution) -> SafeString:
        """The start of the id, which is its time; enough to search for it."""
        return format_html('<span class="run-id">{}</span>', f"{run.pk}"[:13])

    @admin.display(description="graph")
    def what(self, run: Execution) -> str:
        """The graph and the version that ran."""
        return f"{run.graph.name} v{run.version.number}"

    @admin.display(description="created")
    def created(self, run: Execution) -> SafeString:
        """When it was started."""
        return short_time(run.created_at)

    @admin.display(description="status")
    def state(self, run: Execution) -> SafeString:
        """Sign and word, and what else ended otherwise than well."""
        return badge_of(run)

    @admin.display(description="version")
    def number(self, run: Execution) -> str:
        """The version that ran."""
        return f"v{run.version.number}"

    @admin.display(description="duration")
    def took(self, run: Execution) -> str:
        """How long it took."""
        return duration(run)

    @admin.display(description="graph")
    def graph_link(self, run: Execution) -> SafeString:
        """The graph's page."""
        return link("admin:graphs_graph_change", [run.graph_id], run.graph.name)

    @admin.display(description="nodes")
    def counted(self, run: Execution) -> str:
        """Node executions by outcome."""
        return ", ".join(f"{run.counts[name]:,} {name}" for name in COUNTS if run.counts.get(name)) or "–"

    @admin.display(description="why it failed")
    def problem(self, run: Execution) -> SafeString | str:
        """Reason and error."""
        return json_text(dumps(run.error, indent=2, ensure_ascii=False)) if run.error else run.reason or "–"

    @admin.display(description="inputs")
    def inputs_text(self, run: Any) -> SafeString | str:
        """What it was given."""
        return json_text(run.inputs_cut)

    @admin.display(description="outputs")
    def outputs_text(self, run: Any) -> SafeString | str:
        """What it gave."""
        return json_text(run.outputs_cut)

    @admin.display(description="events")
    def happened(self, run: Execution) -> SafeString | str:
        """What happened to the run as a whole."""
        return table(
            ("When", "What", ""), [(local_time(event["at"]), event["kind"], event["text"]) for event in run.events]
        )


@admin.register(NodeExecution)
class NodeExecutionAdmin(ReadOnlyAdmin):
    """Single runs of nodes; an execution's page lists its own."""

    Media = Styled
    list_display = ("node", "execution_link", "block", "path", "ordinal", "attempt", "state", "took")
    list_columns = NODE_COLUMNS
    search_fields = ("id",)
    search_help_text = "The start of an execution's id, 16 characters at most."
    #: The first half of an id is its execution's: newest executions first.
    ordering = ("-id",)
    fields = (
        "id",
        "execution_link",
        "node",
        "block",
        "path",
        "ordinal",
        "attempt",
        "state",
        "problem",
        "queued_at",
        "started_at",
        "ended_at",
        "took",
        "outputs_link",
        "lines",
        "arrivals",
        "usage",
        "cost",
        "reused",
        "pinned",
        "seq",
    )

    def get_urls(self) -> list[URLPattern]:
        """Also the page of a node's outputs."""
        view = self.admin_site.admin_view(self.outputs_view)
        return [
            path("<uuid:id>/outputs/", view, name="executions_nodeexecution_outputs"),
            *super().get_urls(),
        ]

    def outputs_view(self, request: HttpRequest, id: UUID) -> HttpResponse:
        """The first outputs, each cut by the database."""
        row = self.get_object(request, str(id))
        if row is None or not self.has_view_permission(request, row):
            raise Http404
        found = (
            Output.objects.filter(node_execution=row)
            .order_by("index")
            .annotate(text=Left(Cast("value", TextField()), OUTPUT_CHARACTERS + 1), size=F("blob__size"))
        )
        context = {
            **self.admin_site.each_context(request),
            "title": f"Outputs of {row}",
            "node_execution": row,
            "opts": self.opts,
            "outputs": found.values("index", "port", "seq", "text", "size")[:MOST_OUTPUTS],
            "most": MOST_OUTPUTS,
            "media": self.media,
        }
        return TemplateResponse(request, "admin/executions/nodeexecution/outputs.html", context)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """The rows with this start of an id."""
        if not search_term.strip():
            return queryset, False
        digits = search_term.strip().replace("-", "")[:16]
        by_id = id_prefix(digits)
        return (queryset.none() if by_id is None else queryset.filter(by_id)), False

    @admin.display(description="execution")
    def execution_link(self, row: NodeExecution) -> SafeString:
        """The execution's page."""
        return link("admin:executions_execution_change", [row.execution_id], f"{row.execution_id}"[:18])

    @admin.display(description="status")
    def state(self, row: NodeExecution) -> SafeString:
        """Sign and word."""
        return badge(row.status, note_of(row))

    @admin.display(description="duration")
    def took(self, row: NodeExecution) -> str:
        """How long it took."""
        return duration(row)

    @admin.display(description="error")
    def problem(self, row: NodeExecution) -> SafeString | str:
        """Why it failed or was skipped."""
        return json_text(dumps(row.error, indent=2, ensure_ascii=False)) if row.error else "–"

    @admin.display(description="outputs")
    def outputs_link(self, row: NodeExecution) -> SafeString:
        """A link: values are read only when somebody wants to see them."""
        return link("admin:executions_nodeexecution_outputs", [row.pk], "Show outputs")

    @admin.display(description="log")
    def lines(self, row: NodeExecution) -> SafeString | str:
        """Lines of the node's log."""
        return table(("Seconds", "Level", "Message"), row.log)


@admin.register(Worker)
class WorkerAdmin(StuckPage, ReadOnlyAdmin):
    """Worker processes and their leases; and the page of what is stuck."""

    Media = Styled
    change_list_template = "admin/executions/worker/list.html"
    list_display = ("name", "lease", "queue", "host", "process_id", "capacity", "version", "started_at", "expires_at")
    list_columns = (
        "id",
        "name",
        "queue",
        "host",
        "process_id",
        "capacity",
        "version",
        "started_at",
        "expires_at",
        "stopped_at",
    )
    ordering = ("-id",)
    fields = ("id", "lease", *list_columns[1:])

    def lease(self, worker: Worker) -> str:
        """Whether it may still write."""
        if worker.stopped_at is not None:
            return "○ stopped"
        return "● live" if worker.expires_at > timezone.now() else "✕ expired"


@admin.register(Approval)
class ApprovalAdmin(ReadOnlyAdmin):
    """Questions to people and what they decided."""

    Media = Styled
    change_form_template = "admin/executions/approval/detail.html"
    list_display = ("short_id", "state", "kind", "what", "execution_link", "created", "decided")
    list_display_links = ("short_id",)
    list_columns = (
        *("id", "kind", "execution_id", "decision", "created_at", "decided_at", "closed_at"),
        *("decided_by__username", "execution__graph__name", "node_execution__node", "node_execution__path"),
    )
    list_select_related = ("decided_by", "execution__graph", "node_execution")
    list_filter = (ApprovalStateFilter, "kind", CreatedFilter)
    search_fields = ("id",)
    search_help_text = "The start of an execution's id (8 characters or more), or a part of the graph's name."
    ordering = ("-id",)
    fields = (
        "id",
        "state",
        "kind",
        "what",
        "execution_link",
        "instructions",
        "payload_text",
        "decision",
        "answer_text",
        "comment",
        "decided_by",
        "created_at",
        "decided_at",
        "closed_at",
    )

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """The questions of executions with this start of an id, else of graphs with this in their names."""
        if not search_term.strip():
            return queryset, False
        by_id = id_prefix(search_term, "execution")
        if by_id is not None:
            return queryset.filter(by_id), False
        return queryset.filter(execution__graph__name__icontains=search_term.strip()), False

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        """The question; its values are cut by the database."""
        try:
            key = UUID(object_id)
        except ValueError:
            return None
        rows = Approval.objects.select_related(*self.list_select_related).filter(pk=key)
        unread = (f"execution__{column}" for column in ("inputs", "outputs", "events"))
        cut = {"payload_cut": beginning("payload"), "answer_cut": beginning("answer")}
        return rows.annotate(**cut).defer("payload", "answer", *unread).first()

    @admin.display(description="id")
    def short_id(self, approval: Approval) -> SafeString:
        """The start of the id."""
        return format_html('<span class="run-id">{}</span>', f"{approval.pk}"[:13])

    def state(self, approval: Approval) -> SafeString:
        """Where it stands."""
        return format_html('<span class="run-status">{}</span>', state_of(approval))

    @admin.display(description="created")
    def created(self, approval: Approval) -> SafeString:
        """When it was asked."""
        return short_time(approval.created_at)

    @admin.display(description="decided")
    def decided(self, approval: Approval) -> SafeString | str:
        """By whom and when it was decided."""
        if approval.decided_at is None:
            return "–"
        return format_html("{} {}", approval.decided_by or "–", short_time(approval.decided_at))

    @admin.display(description="graph and node")
    def what(self, approval: Approval) -> str:
        """Who asks."""
        return f"{approval.execution.graph.name}, {approval.node_execution}"

    @admin.display(description="payload")
    def payload_text(self, approval: Any) -> SafeString | str:
        """What it is about."""
        return json_text(approval.payload_cut)

    @admin.display(description="went on with")
    def answer_text(self, approval: Any) -> SafeString | str:
        """The payload as the person left it."""
        return json_text(approval.answer_cut)

    @admin.display(description="execution")
    def execution_link(self, approval: Approval) -> SafeString:
        """The execution's page."""
        return link("admin:executions_execution_change", [approval.execution_id], f"{approval.execution_id}"[:13])


@admin.register(Blob)
class BlobAdmin(ReadOnlyAdmin):
    """Large values and files, by content."""

    list_display = ("sha256", "size", "media_type", "created_at")
    list_columns = ("sha256", "size", "media_type", "created_at")
    search_fields = ("sha256__startswith",)
    ordering = ("sha256",)
    fields = ("sha256", "size", "media_type", "storage_name", "created_at")


@admin.register(NodeJob)
class NodeJobAdmin(ReadOnlyAdmin):
    """Isolated attempts of nodes; what they were given and gave is not shown in the list."""

    list_display = ("token", "execution_link", "state", "created_at", "claimed_at", "ended_at")
    list_columns = ("token", "execution_id", "created_at", "claimed_at", "ended_at")
    ordering = ("-token",)
    fields = (
        "token",
        "execution_link",
        "node_execution_id",
        "state",
        "created_at",
        "claimed_at",
        "ended_at",
    )

    @admin.display(description="execution")
    def execution_link(self, job: NodeJob) -> SafeString:
        """The execution's page."""
        return link("admin:executions_execution_change", [job.execution_id], f"{job.execution_id}"[:18])

    def state(self, job: NodeJob) -> str:
        """Where it stands."""
        if job.ended_at:
            return "✓ ended"
        return "◐ running" if job.claimed_at else "○ open"


@admin.register(EndedRun)
class EndedRunAdmin(ReadOnlyAdmin):
    """Endings that not everybody knows yet: normally none; what stays here could not be told."""

    list_display = ("execution_link", "created_at", "handled_by", "failed_by", "failures", "not_before")
    list_columns = ("execution_id", "created_at", "handled_by", "failed_by", "failures", "not_before")
    ordering = ("-created_at",)
    fields = list_display

    @admin.display(description="execution")
    def execution_link(self, ended: EndedRun) -> SafeString:
        """The execution's page."""
        return link("admin:executions_execution_change", [ended.execution_id], f"{ended.execution_id}"[:18])


@admin.register(FollowedGraph)
class FollowedGraphAdmin(ReadOnlyAdmin):
    """Graphs of which every ending is told, and to whom."""

    list_display = ("graph", "follower")
    list_columns = ("graph_id", "graph__name", "follower")
    list_select_related = ("graph",)
    ordering = ("-id",)
    fields = list_display


@admin.register(UserLimit)
class UserLimitAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # takes none at run time
    """How many executions of one user run at once."""

    list_display = ("user", "most_running")
    list_select_related = ("user",)
    search_fields = ("user__username",)
    autocomplete_fields = ("user",)
    ordering = ("user",)
