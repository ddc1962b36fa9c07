"""Verbs over whole graphs: create, import, export, make versions, publish, describe."""

from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import F

from agentflow.accounts import audit
from agentflow.graphs.detail import graph_detail
from agentflow.graphs.drafts import draft_spec, store_whole
from agentflow.graphs.editing import lock
from agentflow.graphs.last_execution import with_last_execution
from agentflow.graphs.models import Graph, GraphVersion
from agentflow.graphs.outside import outside_problems
from agentflow.graphs.signals import graph_deleting
from agentflow.graphs.spec import GraphSpec, content_hash, to_json
from agentflow.graphs.validation import Problem, validate
from blocks.registry import registry

__all__ = [
    "create_graph",
    "delete_graph",
    "draft_spec",
    "export_graph",
    "graph_detail",
    "import_graph",
    "publish",
    "unpublish",
    "version_for_run",
    "with_last_execution",
]

UNTITLED = "Untitled graph"


class NotPublishable(Exception):
    """The version has problems that forbid a start."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("; ".join(problem.detail for problem in problems))
        self.problems = problems


def create_graph(*, owner: User, spec: GraphSpec) -> Graph:
    """A new graph whose draft is `spec`; as many statements for a large one as for a small one."""
    with transaction.atomic():
        graph = Graph.objects.create(owner=owner, name=spec.name or UNTITLED, description=spec.description)
        store_whole(graph, spec)
        audit.record(owner, "created", graph)
    return graph


def import_graph(data: object, *, owner: User) -> Graph:
    """A new graph from canonical JSON.

    Raises:
        SpecError: the JSON is not a graph; nothing is made.
    """
    return create_graph(owner=owner, spec=GraphSpec.from_json(data))


def delete_graph(graph: Graph, *, by: User) -> None:
    """Delete a graph with its versions, edits and executions."""
    with transaction.atomic():
        audit.record(by, "deleted", graph)
        graph_deleting.send(Graph, graph=lock(graph))
        graph.delete()


def export_graph(graph: Graph) -> dict[str, Any]:
    """The draft's canonical JSON."""
    return to_json(draft_spec(graph))


def version_for_run(graph: Graph, user: User | None) -> GraphVersion:
    """The version that is the draft as it is now: the newest one if nothing changed since, else a new one.

    A draft whose revision has not moved costs one query, and its spec, however large, is read by whoever asks for it.
    The graph's row lock keeps numbers unique.
    """
    newest = graph.versions.defer("spec").filter(graph__revision=F("revision")).first()
    if newest is not None:
        return newest
    with transaction.atomic():
        locked = lock(graph)
        return _newest_or_new(locked, user)


def publish(graph: Graph, *, user: User, number: int | None = None) -> GraphVersion:
    """The version that triggers and the API run from now on; without a number it is the draft's.

    Raises:
        GraphVersion.DoesNotExist: the graph has no version of this number.
        NotPublishable: the version could not be started.
    """
    version = version_for_run(graph, user) if number is None else graph.versions.get(number=number)
    spec = GraphSpec.from_json(version.spec)
    found = (*validate(spec, registry()), *outside_problems(spec, registry(), graph.owner))
    errors = [problem for problem in found if problem.severity == "error"]
    if errors:
        raise NotPublishable(errors)
    with transaction.atomic():
        Graph.objects.filter(pk=graph.pk).update(published=version)
        audit.record(user, "published", graph, detail={"version": version.number})
    return version


def unpublish(graph: Graph, *, by: User) -> None:
    """Triggers and the API run the draft's version again."""
    with transaction.atomic():
        if Graph.objects.filter(pk=graph.pk).exclude(published=None).update(published=None):
            audit.record(by, "unpublished", graph)


def _newest_or_new(locked: Graph, user: User | None) -> GraphVersion:
    spec = draft_spec(locked)
    content = content_hash(spec)
    newest = locked.versions.first()
    if newest is not None and newest.content_hash == content:
        # Only places and notes moved since: the version stands for this revision too.
        newest.revision = locked.revision
        newest.save(update_fields=["revision"])
        return newest
    return GraphVersion.objects.create(
        graph=locked,
        number=newest.number + 1 if newest else 1,
        spec=to_json(spec),
        content_hash=content,
        author=user,
        revision=locked.revision,
    )
