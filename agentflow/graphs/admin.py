"""Graphs in the admin: looked over, shared, renamed, published; drawn on the canvas."""

import json
from typing import Any, cast

from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from agentflow.admin_lists import ReadOnlyAdmin, ReadOnlyInline, UncountedPaginator
from agentflow.graphs import services
from agentflow.graphs.archive import zipped
from agentflow.graphs.editing import apply_edit
from agentflow.graphs.models import Graph, GraphEdit, GraphShare, GraphVersion, Link, Node

#: Fields of the form that are part of the draft: changing one is an edit like any other.
DRAFT_FIELDS = ("name", "description")
#: Graphs that one action takes on.
MOST_AT_ONCE = 200


class ShareInline(admin.TabularInline):  # type: ignore[type-arg]  # takes none at run time
    """Groups that the graph is shared with."""

    model = GraphShare
    autocomplete_fields = ("group",)
    extra = 0


class VersionInline(ReadOnlyInline):
    """Newest versions."""

    model = GraphVersion
    fields = readonly_fields = ("number", "author", "created_at")
    show_change_link = True
    verbose_name_plural = "Newest versions"

    def get_queryset(self, request: HttpRequest) -> QuerySet[GraphVersion]:
        """Rows without their graphs."""
        return super().get_queryset(request).defer("spec").select_related("author", "graph")


class NodeInline(ReadOnlyInline):
    """Nodes of the draft."""

    model = Node
    fields = readonly_fields = ("key", "block", "title")
    verbose_name_plural = "Nodes (the first 50; all of them are on the canvas)"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Node]:
        """Rows without their configs."""
        return super().get_queryset(request).only("graph", *self.fields)


class LinkInline(ReadOnlyInline):
    """Links of the draft."""

    model = Link
    fields = readonly_fields = ("source", "source_port", "sink", "sink_port")
    verbose_name_plural = "Links (the first 50; all of them are on the canvas)"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Link]:
        """Rows with the names of their ends."""
        names = [f"{end}__{field}" for end in ("source", "sink") for field in ("key", "title")]
        return super().get_queryset(request).select_related("source", "sink").only("graph", *self.fields, *names)


class PublishedFilter(admin.SimpleListFilter):
    """Whether a version is published."""

    title = "published"
    parameter_name = "published"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """The choices."""
        return [("yes", "Published"), ("no", "Not published")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Graph]) -> QuerySet[Graph]:
        """The chosen graphs."""
        return queryset.filter(published__isnull=self.value() == "no") if self.value() else queryset


@admin.register(Graph)
class GraphAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # takes none at run time
    """Graphs; what is drawn is edited on the canvas."""

    list_display = ("name", "owner", "published", "revision", "updated_at", "canvas")
    list_filter = (PublishedFilter, "updated_at")
    list_per_page = 50
    paginator = UncountedPaginator
    show_full_result_count = False
    search_fields = ("name", "owner__username")
    search_help_text = "Name of a graph or of its owner"
    autocomplete_fields = ("owner", "group")
    fields = (
        ("name", "description", "owner", "group", "canvas", "published")
        + ("most_running", "keep_days", "keep_executions")
        + ("revision", "created_at", "updated_at")
    )
    readonly_fields = ("canvas", "published", "revision", "created_at", "updated_at")
    inlines = (ShareInline, VersionInline, NodeInline, LinkInline)
    actions = ("publish", "export")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Graph]:
        """Rows without notes and without the published version's graph."""
        graphs = super().get_queryset(request).select_related("owner", "published")
        return graphs.defer("annotations", "published__spec")

    def get_inlines(self, request: HttpRequest, obj: Graph | None) -> Any:
        """A graph that is being added has nothing to show yet."""
        return self.inlines if obj else ()

    @admin.display(description="canvas")
    def canvas(self, graph: Graph) -> SafeString | str:
        """Link to the editor."""
        return format_html('<a href="{}">Open</a>', reverse("canvas", args=[graph.pk])) if graph.pk else "–"

    def save_model(self, request: HttpRequest, obj: Graph, form: ModelForm, change: bool) -> None:  # type: ignore[type-arg]  # noqa: FBT001 - Django's signature
        """Save; a changed name or description is an edit that everybody who has the graph open sees."""
        if not change:
            super().save_model(request, obj, form, change)
            return
        operations = [
            {"op": "set_graph", "name": name, "value": form.cleaned_data[name]}
            for name in DRAFT_FIELDS
            if name in form.changed_data
        ]
        if operations:
            apply_edit(obj, operations, author=_user(request))
        if changed := [name for name in ("owner", "group") if name in form.changed_data]:
            obj.save(update_fields=changed)

    def delete_model(self, request: HttpRequest, obj: Graph) -> None:
        """Delete with versions and executions."""
        services.delete_graph(obj, by=_user(request))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Graph]) -> None:
        """The same for several."""
        for graph in queryset:
            services.delete_graph(graph, by=_user(request))

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """What the confirmation names: the graphs alone, or it would read every row of every execution."""
        named = [f"{graph}, with its versions and executions" for graph in objs]
        return named, {"graphs": len(named)}, set(), []

    @admin.action(description="Publish the draft", permissions=["change"])
    def publish(self, request: HttpRequest, queryset: QuerySet[Graph]) -> None:
        """Let triggers and the API run the drafts as they are now."""
        for graph in queryset[:MOST_AT_ONCE]:
            try:
                version = services.publish(graph, user=_user(request))
            except services.NotPublishable as error:
                self.message_user(request, f"{graph} was not published: {error}", messages.ERROR)
            else:
                self.message_user(request, f"Version {version.number} of {graph} is published.", messages.SUCCESS)

    @admin.action(description="Export as JSON", permissions=["view"])
    def export(self, request: HttpRequest, queryset: QuerySet[Graph]) -> HttpResponse:
        """A zip file with the canonical JSON of each graph."""
        content = zipped(
            {f"{graph.pk}-{graph.name}": services.export_graph(graph) for graph in queryset[:MOST_AT_ONCE]}
        )
        headers = {"Content-Disposition": 'attachment; filename="graphs.zip"'}
        return HttpResponse(content, content_type="application/zip", headers=headers)


@admin.register(GraphVersion)
class GraphVersionAdmin(ReadOnlyAdmin):
    """Versions, immutable."""

    list_display = ("graph", "number", "author", "created_at")
    list_columns = ("number", "created_at", "graph__name", "author__username")
    list_select_related = ("graph", "author")
    list_display_links = ("number",)
    ordering = ("-id",)
    search_fields = ("graph__name",)
    fields = readonly_fields = ("graph", "number", "author", "created_at", "content_hash", "graph_json")
    actions = ("publish",)

    @admin.display(description="graph")
    def graph_json(self, version: GraphVersion) -> SafeString:
        """The canonical JSON, readable."""
        return pretty(version.spec)

    @admin.action(description="Publish this version", permissions=["view"])
    def publish(self, request: HttpRequest, queryset: QuerySet[GraphVersion]) -> None:
        """Let triggers and the API run these versions."""
        for version in queryset.select_related("graph")[:MOST_AT_ONCE]:
            try:
                services.publish(version.graph, user=_user(request), number=version.number)
            except services.NotPublishable as error:
                self.message_user(request, f"{version.graph} {version} was not published: {error}", messages.ERROR)
            else:
                self.message_user(request, f"{version.graph} {version} is published.", messages.SUCCESS)


@admin.register(GraphEdit)
class GraphEditAdmin(ReadOnlyAdmin):
    """Who changed what, and when."""

    list_display = ("graph", "revision", "author", "created_at")
    list_columns = ("revision", "created_at", "graph__name", "author__username")
    list_select_related = ("graph", "author")
    list_display_links = ("revision",)
    ordering = ("-id",)
    search_fields = ("graph__name", "author__username")
    fields = readonly_fields = ("graph", "revision", "author", "created_at", "edit_id", "operations_json")

    @admin.display(description="operations")
    def operations_json(self, edit: GraphEdit) -> SafeString:
        """The operations, readable."""
        return pretty(edit.operations)


@admin.register(Node)
class NodeAdmin(ReadOnlyAdmin):
    """Which graphs use a block."""

    list_display = ("graph", "key", "block", "title")
    list_columns = ("key", "block", "title", "graph__name")
    list_select_related = ("graph",)
    list_display_links = ("key",)
    ordering = ("-id",)
    search_fields = ("=block", "=key", "graph__name")
    search_help_text = "Exact id of a block (web.request), exact key of a node, or name of a graph"
    fields = readonly_fields = (
        "graph",
        "key",
        "block",
        "block_version",
        "title",
        "join",
        "config_json",
        "policy_json",
        "pinned_json",
    )

    @admin.display(description="config")
    def config_json(self, node: Node) -> SafeString:
        """The config, readable."""
        return pretty(node.config)

    @admin.display(description="policy")
    def policy_json(self, node: Node) -> SafeString:
        """The policy, readable."""
        return pretty(node.policy)

    @admin.display(description="pinned")
    def pinned_json(self, node: Node) -> SafeString | None:
        """What is pinned, readable."""
        return None if node.pinned is None else pretty(node.pinned)


@admin.register(Link)
class LinkAdmin(ReadOnlyAdmin):
    """Links of all drafts."""

    list_display = ("graph", "source", "source_port", "sink", "sink_port")
    list_columns = (
        "source_port",
        "sink_port",
        "graph__name",
        "source__key",
        "source__title",
        "sink__key",
        "sink__title",
    )
    list_select_related = ("graph", "source", "sink")
    ordering = ("-id",)
    search_fields = ("graph__name",)
    fields = readonly_fields = list_display


@admin.register(GraphShare)
class GraphShareAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # takes none at run time
    """Which group may do what with which graph."""

    list_display = ("graph", "group", "role")
    list_filter = ("role",)
    list_select_related = ("graph", "group")
    show_full_result_count = False
    search_fields = ("graph__name", "group__name")
    autocomplete_fields = ("graph", "group")


def _user(request: HttpRequest) -> User:
    return cast(User, request.user)


def pretty(value: Any) -> SafeString:
    """JSON for people."""
    return format_html('<pre class="run-json">{}</pre>', json.dumps(value, indent=2, ensure_ascii=False))
