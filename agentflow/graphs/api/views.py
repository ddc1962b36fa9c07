"""Graphs: list, make, edit, check, publish, export."""

from typing import Any, ClassVar, cast

from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.utils.text import slugify
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status, viewsets
from rest_framework.decorators import action
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from agentflow.api.concurrency import etag, expected_revision
from agentflow.api.pagination import CursorPagination
from agentflow.api.schema import problems
from agentflow.graphs import services
from agentflow.graphs.api import serializers as shapes
from agentflow.graphs.api.requests import checked, graph_spec, members, new_graph_spec, number_parameter, text_parameter
from agentflow.graphs.detail import checked as check
from agentflow.graphs.detail import edit_answer, graph_row, interface_row, version_detail, version_row
from agentflow.graphs.editing import apply_edit, replace_draft
from agentflow.graphs.interface import interface
from agentflow.graphs.live import edits_since
from agentflow.graphs.models import Graph, GraphVersion
from agentflow.graphs.permissions import get_graph, graphs_for
from agentflow.graphs.spec import GraphSpec
from blocks.registry import registry

LARGEST_VERSION = 2**31 - 1

IF_MATCH = OpenApiParameter(
    "If-Match", str, OpenApiParameter.HEADER, description="The ETag of the draft that is replaced, or `*`."
)

ETAG = OpenApiParameter(
    "ETag", str, OpenApiParameter.HEADER, response=[200, 201], description="The draft's revision, for If-Match."
)


class VersionPagination(CursorPagination):
    """Newest version first."""

    ordering = "-number"


class GraphViewSet(viewsets.GenericViewSet[Graph]):
    """Graphs that the caller may see."""

    queryset = Graph.objects.none()
    serializer_class = shapes.GraphRowSerializer
    lookup_value_converter = "int"
    token_scopes: ClassVar = {"validate": "read"}

    @extend_schema(
        operation_id="graphs_list",
        parameters=[OpenApiParameter("name", str, description="Part of the name.")],
        responses=shapes.GraphRowSerializer(many=True),
    )
    def list(self, request: Request) -> Response:
        """Graphs, newest first."""
        graphs = services.with_last_execution(graphs_for(self.user).select_related("owner", "published"))
        if name := text_parameter(request, "name"):
            graphs = graphs.filter(name__icontains=name)
        return self.paginated(graphs, graph_row)

    @extend_schema(
        operation_id="graphs_create",
        parameters=[ETAG],
        request=shapes.NewGraph,
        responses={201: shapes.GraphDetailSerializer, **problems(422)},
    )
    def create(self, request: Request) -> Response:
        """Make a graph."""
        return self.created(services.create_graph(owner=self.user, spec=new_graph_spec(request)))

    @extend_schema(
        operation_id="graphs_import",
        parameters=[ETAG],
        request=shapes.GraphSpecSerializer,
        responses={201: shapes.GraphDetailSerializer, **problems(422)},
    )
    @action(detail=False, methods=["post"], url_path="import", url_name="import-spec")
    def import_graph(self, request: Request) -> Response:
        """Make a graph from canonical JSON."""
        return self.created(services.import_graph(request.data, owner=self.user))

    @extend_schema(
        operation_id="graphs_retrieve", parameters=[ETAG], responses=shapes.GraphDetailSerializer, filters=False
    )
    def retrieve(self, request: Request, pk: int) -> Response:
        """The graph with its draft, what is wrong with it, and its nodes' ports."""
        return self.detailed(self.graph(pk))

    @extend_schema(
        operation_id="graphs_replace",
        parameters=[IF_MATCH, ETAG],
        request=shapes.ReplacedGraph,
        responses={200: shapes.GraphDetailSerializer, **problems(412, 422, 428)},
    )
    def update(self, request: Request, pk: int) -> Response:
        """Replace the whole draft as one edit."""
        graph = self.graph(pk, "editor")
        revision = expected_revision(request)
        replace_draft(graph, graph_spec(request, unnamed=graph.name), author=self.user, revision=revision)
        return self.detailed(graph)

    @extend_schema(operation_id="graphs_delete", responses={204: None})
    def destroy(self, request: Request, pk: int) -> Response:
        """Delete the graph with its versions and executions; its owner may."""
        services.delete_graph(self.graph(pk, "owner"), by=self.user)
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(
        operation_id="graphs_validate",
        request=shapes.CheckedSpec,
        responses={200: shapes.ProblemsSerializer, **problems(422)},
    )
    @action(detail=True, methods=["post"])
    def validate(self, request: Request, pk: int) -> Response:
        """What is wrong with the draft, or with the spec that is given; nothing is stored."""
        graph = self.graph(pk)
        spec = graph_spec(request) if "spec" in members(request) else services.draft_spec(graph)
        return Response({"problems": check(spec, self.user, owner=graph.owner)["problems"]})

    @extend_schema(operation_id="graphs_export", responses=shapes.GraphSpecSerializer)
    @action(detail=True, methods=["get"])
    def export(self, request: Request, pk: int) -> Response:
        """The draft as canonical JSON."""
        graph = self.graph(pk)
        name = f"{slugify(graph.name) or 'graph'}.json"
        headers = {"Content-Disposition": f'attachment; filename="{name}"'}
        return Response(services.export_graph(graph), headers=headers)

    @extend_schema(
        operation_id="graphs_publish",
        request=shapes.PublishRequest,
        responses={200: shapes.PublishedSerializer, **problems(422)},
    )
    @action(detail=True, methods=["post"])
    def publish(self, request: Request, pk: int) -> Response:
        """Let triggers and the API run this version; without a number, the draft as it is now."""
        graph = self.graph(pk, "editor")
        number = checked(shapes.PublishRequest, request).get("version")
        try:
            version = services.publish(graph, user=self.user, number=number)
        except GraphVersion.DoesNotExist:
            raise NotFound(f"There is no version {number}.") from None
        return Response({"published_version": version.number})

    @extend_schema(operation_id="graphs_unpublish", request=None, responses={204: None})
    @publish.mapping.delete
    def unpublish(self, request: Request, pk: int) -> Response:
        """Let triggers and the API run the draft again."""
        services.unpublish(self.graph(pk, "editor"), by=self.user)
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(operation_id="graphs_versions_list", responses=shapes.VersionRowSerializer(many=True), filters=False)
    @action(detail=True, methods=["get"], pagination_class=VersionPagination)
    def versions(self, request: Request, pk: int) -> Response:
        """Versions, newest first."""
        return self.paginated(self.graph(pk).versions.select_related("author").defer("spec"), version_row)

    @extend_schema(operation_id="graphs_versions_retrieve", responses=shapes.VersionDetailSerializer)
    @action(detail=True, methods=["get"], url_path="versions/<int:number>", url_name="version")
    def version(self, request: Request, pk: int, number: int) -> Response:
        """One version with its graph."""
        version = found_version(self.graph(pk).versions.select_related("author"), number)
        return Response(version_detail(version, self.user))

    @extend_schema(
        operation_id="graphs_interface",
        parameters=[
            OpenApiParameter("version", int, description="Of this version; the published one, else the draft.")
        ],
        responses=shapes.InterfaceSerializer,
        filters=False,
    )
    @action(detail=True, methods=["get"])
    def interface(self, request: Request, pk: int) -> Response:
        """What the graph takes and gives when it is run."""
        graph, number = self.graph(pk), number_parameter(request, "version", largest=LARGEST_VERSION)
        version = found_version(graph.versions.all(), number) if number else graph.published
        spec = GraphSpec.from_json(version.spec) if version else services.draft_spec(graph)
        found = interface_row(interface(spec, registry()))
        return Response({"version": version.number if version else None, **found})

    @extend_schema(
        operation_id="graphs_edits_list",
        parameters=[OpenApiParameter("since", int, description="Edits after this revision; 0 by default.")],
        responses=shapes.EditPageSerializer,
        filters=False,
    )
    @action(detail=True, methods=["get"])
    def edits(self, request: Request, pk: int) -> Response:
        """Edits after a revision, oldest first."""
        graph = self.graph(pk)
        rows = edits_since(graph.pk, number_parameter(request, "since"))
        newest = rows[-1]["revision"] if rows else graph.revision
        address = request.build_absolute_uri(f"?since={newest}") if newest < graph.revision else None
        return Response({"next": address, "previous": None, "results": rows})

    @extend_schema(
        operation_id="graphs_edit",
        request=shapes.NewEdit,
        responses={200: shapes.EditAnswerSerializer, **problems(409, 422)},
    )
    @edits.mapping.post
    def edit(self, request: Request, pk: int) -> Response:
        """Change the draft by operations: all of them or, with a problem, none.

        Sending an edit again with the same `edit_id` gives the first answer and changes nothing.
        """
        graph = self.graph(pk, "editor")
        edit_id = checked(shapes.EditId, request)["edit_id"]
        operations = members(request).get("operations")
        edit = apply_edit(graph, operations, author=self.user, edit_id=edit_id)
        return Response(edit_answer(graph, edit, self.user))

    @property
    def user(self) -> User:
        """The caller; permissions have seen to it that there is one."""
        return cast(User, self.request.user)

    def graph(self, pk: int, role: str = "viewer") -> Graph:
        """The graph, if the caller has this role."""
        return get_graph(self.user, pk, role)

    def detailed(self, graph: Graph) -> Response:
        """The graph with its draft; the ETag is its revision."""
        detail = services.graph_detail(graph, self.user)
        return Response(detail, headers={"ETag": etag(detail["revision"])})

    def created(self, graph: Graph) -> Response:
        """201 with the new graph."""
        response = self.detailed(graph)
        response.status_code = status.HTTP_201_CREATED
        response["Location"] = reverse("graph-detail", args=[graph.pk], request=self.request)
        return response

    def paginated(self, rows: QuerySet[Any], to_json: Any) -> Response:
        """One page of rows."""
        page = self.paginate_queryset(rows)
        return self.get_paginated_response([to_json(row) for row in page or ()])


def found_version(versions: QuerySet[GraphVersion], number: int) -> GraphVersion:
    """The version of this number; raises NotFound."""
    version = versions.filter(number=number).first() if number <= LARGEST_VERSION else None
    if version is None:
        raise NotFound(f"There is no version {number}.")
    return version
