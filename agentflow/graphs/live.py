"""A graph's edits since a revision, for sockets and polling alike."""

from datetime import datetime
from typing import Any, TypedDict
from uuid import UUID

from django.contrib.auth.models import User

from agentflow.graphs.models import GraphEdit

#: Edits in one answer or message; more follow in the next.
MOST_EDITS = 200


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


def edits_since(graph_id: int, revision: int, *, most: int = MOST_EDITS) -> list[EditRow]:
    """The first edits after a revision, oldest first; one indexed query."""
    edits = GraphEdit.objects.filter(graph=graph_id, revision__gt=revision).select_related("author")
    return [edit_row(edit) for edit in edits.order_by("revision")[:most]]


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
