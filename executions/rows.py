"""Executions and node executions as the JSON rows that API, sockets and event streams share; no payload columns."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypedDict
from uuid import UUID

from executions.engine.status import Status


class Named(TypedDict):
    """A thing with an id and the name that people know it by."""

    id: int
    name: str


class ExecutionRow(TypedDict):
    """One execution as clients see it."""

    id: UUID
    graph: Named
    version: int
    status: str
    reason: str
    error: dict[str, Any] | None
    counts: dict[str, int]
    trigger: str
    owner: Named
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    seq: int
    cancel_requested: bool


class NodeRow(TypedDict):
    """One node execution as clients see it."""

    id: UUID
    node: str
    block: str
    path: list[int]
    ordinal: int
    attempt: int
    status: str
    handled: bool
    reused: bool
    error: dict[str, Any] | None
    queued_at: datetime | None
    started_at: datetime | None
    ended_at: datetime | None
    seq: int


#: What `Execution.objects.values(*EXECUTION_COLUMNS)` must read for `execution_row`.
EXECUTION_COLUMNS = (
    "id",
    "graph_id",
    "graph__name",
    "version__number",
    "status",
    "reason",
    "error",
    "counts",
    "trigger",
    "owner_id",
    "owner__username",
    "owner__first_name",
    "owner__last_name",
    "created_at",
    "started_at",
    "ended_at",
    "seq",
    "cancel_requested_at",
)
#: What `NodeExecution.objects.values(*NODE_COLUMNS)` must read for `node_row`.
NODE_COLUMNS = (
    "id",
    "node",
    "block",
    "path",
    "ordinal",
    "attempt",
    "status",
    "reused",
    "error",
    "queued_at",
    "started_at",
    "ended_at",
    "seq",
)
#: Node executions by outcome, in the order in which people read them.
COUNTS = ("total", "completed", "failed", "handled", "skipped", "cancelled", "running", "queued")


def execution_row(values: Mapping[str, Any]) -> ExecutionRow:
    """The row of an execution read as `EXECUTION_COLUMNS`."""
    return {
        "id": values["id"],
        "graph": {"id": values["graph_id"], "name": values["graph__name"]},
        "version": values["version__number"],
        "status": values["status"],
        "reason": values["reason"],
        "error": values["error"],
        "counts": {name: values["counts"].get(name, 0) for name in COUNTS},
        "trigger": values["trigger"],
        "owner": {"id": values["owner_id"], "name": _full_name(values)},
        "created_at": values["created_at"],
        "started_at": values["started_at"],
        "ended_at": values["ended_at"],
        "seq": values["seq"],
        "cancel_requested": values["cancel_requested_at"] is not None,
    }


def node_row(values: Mapping[str, Any]) -> NodeRow:
    """The row of a node execution read as `NODE_COLUMNS`."""
    error = values["error"]
    return {
        **{name: values[name] for name in NODE_COLUMNS},  # type: ignore[typeddict-item]  # the columns are its keys
        "handled": values["status"] == Status.FAILED and bool(error) and bool(error.get("handled")),
    }


def _full_name(values: Mapping[str, Any]) -> str:
    return f"{values['owner__first_name']} {values['owner__last_name']}".strip() or values["owner__username"]
