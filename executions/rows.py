"""Executions and node executions as the JSON rows that API, sockets and event streams share; no payload columns."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, TypedDict
from uuid import UUID

from executions.engine.status import Status
from executions.origin import trigger_of
from executions.waited import interrupted, open_wait


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
    #: US dollars of its own node executions; None: nothing.
    cost: str | None
    trigger: str
    #: Of the schedule, webhook, … that started it: what `trigger` says; null: nothing of the kind did.
    trigger_id: int | None
    owner: Named
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    seq: int
    cancel_requested: bool
    wake_at: datetime | None
    parent: UUID | None
    retry_of: UUID | None
    choice: dict[str, Any] | None
    batch: UUID | None


#: What a node execution waits for: `for` is timer, retry, approval, outcome or graph.
WaitRow = TypedDict(
    "WaitRow",
    {"for": str, "until": str, "approval": str, "child": str, "graph": int, "failures": int},
    total=False,
)


class NodeRow(TypedDict):
    """One node execution as clients see it."""

    id: UUID
    node: str
    block: str
    path: list[int]
    ordinal: int
    attempt: int
    interrupted: int
    status: str
    handled: bool
    reused: bool
    pinned: bool
    waiting: WaitRow | None
    children: list[str]
    error: dict[str, Any] | None
    usage: dict[str, Any]
    cost: str | None
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
    "cost",
    "trigger",
    "idempotency_key",
    "owner_id",
    "owner__username",
    "owner__first_name",
    "owner__last_name",
    "created_at",
    "started_at",
    "ended_at",
    "seq",
    "cancel_requested_at",
    "wake_at",
    "parent_id",
    "retry_of_id",
    "choice",
    "batch",
)
_SHOWN_COLUMNS = (
    "id",
    "node",
    "block",
    "path",
    "ordinal",
    "attempt",
    "status",
    "reused",
    "pinned",
    "error",
    "usage",
    "queued_at",
    "started_at",
    "ended_at",
    "seq",
)
#: What `NodeExecution.objects.values(*NODE_COLUMNS)` must read for `node_row`.
NODE_COLUMNS = (*_SHOWN_COLUMNS, "waits", "cost")
#: Node executions by outcome, in the order in which people read them.
COUNTS = ("total", "completed", "failed", "handled", "skipped", "cancelled", "running", "waiting", "queued")


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
        "cost": _cost(values["cost"]),
        "trigger": values["trigger"],
        "trigger_id": (trigger_of(values["trigger"], values["idempotency_key"]) or ("", None))[1],
        "owner": {"id": values["owner_id"], "name": _full_name(values)},
        "created_at": values["created_at"],
        "started_at": values["started_at"],
        "ended_at": values["ended_at"],
        "seq": values["seq"],
        "cancel_requested": values["cancel_requested_at"] is not None,
        "wake_at": values["wake_at"],
        "parent": values["parent_id"],
        "retry_of": values["retry_of_id"],
        "choice": values["choice"],
        "batch": values["batch"],
    }


def node_row(values: Mapping[str, Any]) -> NodeRow:
    """The row of a node execution read as `NODE_COLUMNS`."""
    error = values["error"]
    return {
        **{name: values[name] for name in _SHOWN_COLUMNS},  # type: ignore[typeddict-item]  # the columns are its keys
        "interrupted": interrupted(values["attempt"], values["waits"]),
        "cost": _cost(values["cost"]),
        "waiting": _wait(values["waits"]) if values["status"] == Status.WAITING else None,
        "children": [wait["child"] for wait in values["waits"].values() if "child" in wait],
        "handled": values["status"] == Status.FAILED and bool(error) and bool(error.get("handled")),
    }


def _wait(waits: Mapping[str, dict[str, Any]]) -> WaitRow | None:
    wait = open_wait(waits)
    if wait is None:
        return None
    return {name: wait[name] for name in WaitRow.__annotations__ if name in wait}  # type: ignore[return-value]  # its keys


def _cost(amount: Decimal) -> str | None:
    return str(amount) if amount else None


def _full_name(values: Mapping[str, Any]) -> str:
    return f"{values['owner__first_name']} {values['owner__last_name']}".strip() or values["owner__username"]
