"""What a run that waits asks the database: what a person decided, how another graph's run ended."""

import asyncio
import logging
from collections.abc import Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import Error

from agentflow.database.limits import is_away
from executions.children import Wanted, start_child
from executions.engine.status import FINAL, Status
from executions.store import RETRY_SECONDS, Claim, Store

logger = logging.getLogger(__name__)

DECIDED = """
    SELECT a.decision, a.answer, a.comment, coalesce(nullif(trim(u.first_name || ' ' || u.last_name), ''), u.username, '') AS by
    FROM executions_approval a LEFT JOIN auth_user u ON u.id = a.decided_by_id WHERE a.id = %s AND a.decided_at IS NOT NULL
"""
CHILD = """
    SELECT e.status, e.outputs, e.counts, e.error, g.name AS graph
    FROM executions_execution e JOIN graphs_graph g ON g.id = e.graph_id WHERE e.id = %s
"""


@dataclass(frozen=True, slots=True)
class Decided:
    """What a person decided."""

    decision: str
    answer: Any
    comment: str
    by: str


@dataclass(frozen=True, slots=True)
class Child:
    """Another graph's run that a node has started."""

    is_over: bool
    outputs: Mapping[str, Any]
    #: Why it did not complete; empty when it did.
    problem: str
    #: Its node executions and those of the graphs that it started.
    node_executions: int


class Outside:
    """For the waiting runs of one execution."""

    def __init__(self, store: Store, claim: Claim, *, starter: Executor, depth_limit: int) -> None:
        self._store = store
        self._starter = starter
        self._claim = claim
        self._depth_limit = depth_limit

    async def decided(self, approval: UUID) -> Decided | None:
        """The decision; None: there is none yet."""
        rows = await self._store.rows(DECIDED, (approval,))
        return Decided(**rows[0]) if rows else None

    async def child(self, id: UUID) -> Child | None:
        """The child's state; None: it was not started."""
        rows = await self._store.rows(CHILD, (id,))
        if not rows:
            return None
        (row,) = rows
        counts = row["counts"]
        return Child(
            row["status"] in FINAL, row["outputs"] or {}, _problem(row), counts.get("total", 0) + counts.get("below", 0)
        )

    async def start_child(
        self, id: UUID, parent_node: UUID, graph: int, inputs: Mapping[str, Any], node_limit: int
    ) -> None:
        """Start a run of another graph.

        Raises:
            BlockError: there is none for this user, the inputs do not fit, or graphs run each other too deep.
        """
        wanted = Wanted(
            id=id,
            parent=self._claim.id,
            epoch=self._claim.epoch,
            parent_node=parent_node,
            graph=graph,
            inputs=inputs,
            node_limit=node_limit,
            depth_limit=self._depth_limit,
        )
        while True:
            try:
                return await asyncio.get_running_loop().run_in_executor(self._starter, start_child, wanted)
            except Error as error:
                if not is_away(error):
                    raise
                logger.warning("child not started: %s", error, extra={"action": "child_retry"})
                await asyncio.sleep(RETRY_SECONDS)


def _problem(row: Mapping[str, Any]) -> str:
    if row["status"] == Status.COMPLETED or row["status"] not in FINAL:
        return ""
    if row["status"] == Status.CANCELLED:
        return f"The run of “{row['graph']}” was cancelled."
    detail = str((row["error"] or {}).get("detail") or "it does not say why").rstrip(".")
    return f"The run of “{row['graph']}” failed: {detail}."
