"""Edits of a draft: operations in the server's order, all or nothing, told to everybody who has the graph open."""

from collections.abc import Mapping
from uuid import UUID, uuid4

from django.contrib.auth.models import User
from django.db import transaction

from agentflow.graphs.difference import difference
from agentflow.graphs.drafts import Window, draft_spec
from agentflow.graphs.models import Graph, GraphEdit
from agentflow.graphs.operations import MAX_OPERATIONS, Named, apply
from agentflow.graphs.spec import GraphSpec, SpecError
from agentflow.wake import WAKE_CHANNEL, ring
from blocks.registry import registry
from blocks.values import equal


class EditConflict(Exception):
    """The edit's id was used before, for other operations. Send these with an id of their own."""

    def __init__(self) -> None:
        super().__init__(self.__doc__)


class RevisionConflict(Exception):
    """The draft has changed since the revision that the author saw."""

    def __init__(self, revision: int) -> None:
        super().__init__(f"The draft is at revision {revision}.")
        self.revision = revision


def apply_edit(graph: Graph, operations: object, *, author: User, edit_id: UUID | None = None) -> GraphEdit:
    """The stored edit; one that was sent before gives the first answer and changes nothing.

    `graph` need not be fresh; its row lock orders the edits.

    Raises:
        SpecError: an operation cannot be applied; nothing was.
        EditConflict: the id was used for other operations.
    """
    readable = _readable(operations)
    with transaction.atomic():
        locked = lock(graph)
        earlier = locked.edits.filter(edit_id=edit_id).first() if edit_id else None
        if earlier is None:
            return _append(locked, readable, author, edit_id or uuid4())
    if not equal(earlier.operations, readable):
        raise EditConflict
    return earlier


def replace_draft(graph: Graph, spec: GraphSpec, *, author: User, revision: int | None = None) -> GraphEdit | None:
    """The one edit that makes the draft equal to `spec`; None when it is already.

    Raises:
        RevisionConflict: the draft is not at `revision` any more.
    """
    with transaction.atomic():
        locked = lock(graph)
        if revision is not None and revision != locked.revision:
            raise RevisionConflict(locked.revision)
        operations: list[object] = [*difference(draft_spec(locked), spec)]
        return _append(locked, operations, author, uuid4()) if operations else None


def lock(graph: Graph) -> Graph:
    """The graph's row, fresh, and held until the transaction ends; runs that start are not held up."""
    return Graph.objects.select_for_update(no_key=True).get(pk=graph.pk)


def _append(graph: Graph, operations: list[object], author: User, edit_id: UUID) -> GraphEdit:
    window = Window(graph, Named.by(operations))
    apply(window.draft, operations)
    window.store()
    graph.revision += 1
    graph.save(update_fields=["name", "description", "annotations", "limits", "revision", "updated_at"])
    edit = GraphEdit.objects.create(
        graph=graph, revision=graph.revision, edit_id=edit_id, author=author, operations=operations
    )
    transaction.on_commit(lambda: ring(WAKE_CHANNEL, f"g:{graph.pk}:{edit.revision}"))
    return edit


def _readable(operations: object) -> list[object]:
    """The operations, if there are neither none nor too many."""
    detail = ""
    if not isinstance(operations, list) or not operations:
        detail = "Must be a list of at least one operation."
    elif len(operations) > MAX_OPERATIONS:
        detail = f"Has {len(operations):,} operations; at most {MAX_OPERATIONS:,} are allowed."
    if detail or not isinstance(operations, list):
        raise SpecError([{"pointer": "#/operations", "detail": detail}])
    return [_with_block_version(operation) for operation in operations]


def _with_block_version(operation: object) -> object:
    """An added node's config is written for the block as it is now, unless its author says otherwise."""
    node = operation.get("node") if isinstance(operation, Mapping) else None
    if not isinstance(operation, Mapping) or not isinstance(node, Mapping) or "block_version" in node:
        return operation
    block = registry().find(str(node.get("block")))
    return {**operation, "node": {**node, "block_version": block.version if block else 1}}
