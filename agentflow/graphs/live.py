"""A graph's edits since a revision, for sockets and polling alike."""

from datetime import datetime
from typing import Any, TypedDict
from uuid import UUID

from django.contrib.auth.models import User
from django.db.models import BigIntegerField, F, Func, Sum, Window

from agentflow.graphs.models import GraphEdit

#: Edits in one answer or message; more follow in the next.
MOST_EDITS = 200
#: Bytes, as they are stored, of the edits of one answer; the last one may go beyond.
MOST_EDIT_BYTES = 1_000_000


class Person(TypedDict):
    """A user as others see them."""

    id: int
    name: str


class EditRow(TypedDict):
    """One edit as clients see it."""

    revision: int
    edit_id: UUID
    #: None when the account is gone.
    author: Person | None
    operations: list[Any]
    created_at: datetime


def edits_since(graph_id: int, revision: int) -> list[EditRow]:
    """The first edits after a revision, oldest first, at least one if there is one; one indexed query."""
    first = GraphEdit.objects.filter(graph=graph_id, revision__gt=revision).order_by("revision").values("pk")
    size = Func("operations", function="pg_column_size", output_field=BigIntegerField())
    edits = GraphEdit.objects.filter(pk__in=first[:MOST_EDITS]).annotate(
        size=size, so_far=Window(Sum(size), order_by="revision")
    )
    some = edits.filter(so_far__lt=F("size") + MOST_EDIT_BYTES).select_related("author")
    return [edit_row(edit) for edit in some.order_by("revision")]


def edit_row(edit: GraphEdit) -> EditRow:
    """The row of one edit."""
    return {
        "revision": edit.revision,
        "edit_id": edit.edit_id,
        "author": person(edit.author) if edit.author else None,
        "operations": edit.operations,
        "created_at": edit.created_at,
    }


def person(user: User) -> Person:
    """Id and the name that people know the user by."""
    return {"id": user.pk, "name": user.get_full_name() or user.get_username()}
