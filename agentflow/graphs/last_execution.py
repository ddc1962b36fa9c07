"""The newest execution of each graph of a list, by one index look-up per graph in the same query."""

import json
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib.auth.models import User
from django.db.models import F, JSONField, OuterRef, QuerySet, Subquery
from django.db.models.functions import JSONObject

from agentflow.graphs.live import person
from agentflow.graphs.models import Graph


@dataclass(frozen=True, slots=True)
class LastExecution:
    """What a list of graphs shows of a run; no payloads."""

    id: UUID
    version: int
    status: str
    reason: str
    counts: dict[str, int]
    trigger: str
    owner: User
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None

    def row(self) -> dict[str, Any]:
        """As clients see it."""
        return {item.name: getattr(self, item.name) for item in fields(self)} | {"owner": person(self.owner)}


class LastExecutionField(JSONField):
    """Reads the annotation's JSON object as a LastExecution."""

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> LastExecution | None:
        """The row as typed values; None when the graph never ran."""
        return None if value is None else _read(json.loads(value))


def with_last_execution(graphs: QuerySet[Graph]) -> QuerySet[Graph]:
    """The same graphs, each with `last_execution`: a LastExecution or None.

    Executions are reached through the reverse relation: this package does not import theirs.
    """
    executions = Graph._meta.get_field("executions").related_model._base_manager  # noqa: SLF001 - Django's public API
    newest = executions.filter(graph=OuterRef("pk")).order_by("-id").values(row=JSONObject(**COLUMNS))
    return graphs.annotate(last_execution=Subquery(newest[:1], output_field=LastExecutionField()))


COLUMNS = {
    "id": F("id"),
    "version": F("version__number"),
    "status": F("status"),
    "reason": F("reason"),
    "counts": F("counts"),
    "trigger": F("trigger"),
    "owner": JSONObject(
        id="owner__id", username="owner__username", first_name="owner__first_name", last_name="owner__last_name"
    ),
    "created_at": F("created_at"),
    "started_at": F("started_at"),
    "ended_at": F("ended_at"),
}


def _read(row: dict[str, Any]) -> LastExecution:
    times = {name: _time(row[name]) for name in ("started_at", "ended_at")}
    return LastExecution(
        **{
            **row,
            **times,
            "id": UUID(row["id"]),
            "owner": User(**row["owner"]),
            "created_at": datetime.fromisoformat(row["created_at"]),
        }
    )


def _time(value: str | None) -> datetime | None:
    return datetime.fromisoformat(value) if value else None
