"""The one reader of an execution's changes: WebSocket, event stream and polling all show what it reads.

It relies on one rule of the recorder: the rows of an execution are committed in the order of their `seq`, in one
transaction with the execution's own `seq`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import UUID

from agentflow.encoding import dump
from agentflow.graphs.live import edits_since
from agentflow.graphs.models import Graph
from executions.engine.status import FINAL
from executions.models import ACTIVE_VALUES, Execution, NodeExecution
from executions.rows import EXECUTION_COLUMNS, NODE_COLUMNS, NodeRow, execution_row, node_row
from executions.watched import read_watched

#: Rows in one message; more follow in further ones.
CHUNK_ROWS = 1_000
#: Executions that a graph's page is told of when it opens.
RECENT = 20
#: Active executions of one graph that are followed at once.
MOST_ACTIVE = 200


@dataclass(frozen=True, slots=True)
class Changes:
    """What changed in an execution since a `seq`, encoded once for everybody who asked from there."""

    #: Where to go on reading: the last row's number, or `head` when nothing is left.
    seq: int
    #: Number of the newest event known.
    head: int
    rows: int
    is_final: bool
    #: The execution's own row, its events and what holds it up, as JSON: it may change without a node's row.
    execution: str
    #: The rest of a message, to follow its type.
    body: str

    @property
    def is_complete(self) -> bool:
        """Nothing is left to read after this."""
        return self.seq >= self.head

    def is_news(self, since: int, execution: str) -> bool:
        """Whether somebody who read up to `since` and knows this row of the execution is told something."""
        return self.rows > 0 or self.seq > since or self.execution != execution

    def message(self, kind: str) -> str:
        """The message for a client: `snapshot` first, then `frame`."""
        return f'{{"type":"{kind}",{self.body}'


class Shown(NamedTuple):
    """One execution as JSON, encoded once for everybody who has its graph open."""

    text: str
    is_final: bool


@dataclass(frozen=True, slots=True)
class Edits:
    """A message with edits of a graph, and where to go on reading."""

    text: str
    revision: int
    count: int
    more: bool


def read_changes(execution: UUID, since: int) -> Changes | None:
    """Changes after `since`; None when the execution is gone.

    The execution is read before its nodes, so a status is never newer than the rows that come with it.
    A `since` that the execution has not reached (its database was restored) reads from the start.
    """
    row = read_watched(execution)
    if row is None:
        return None
    nodes = read_nodes(execution, since if since <= row["seq"] else 0, limit=CHUNK_ROWS)
    last = nodes[-1]["seq"] if nodes else 0
    head = max(row["seq"], last)
    seq = last if len(nodes) == CHUNK_ROWS else head
    row_json = encode(row)
    body = f'"seq":{seq},"head":{head},"execution":{row_json},"nodes":{encode(nodes)}}}'
    return Changes(seq, head, len(nodes), row["status"] in FINAL, row_json, body)


def read_nodes(execution: UUID, since: int, *, limit: int) -> list[NodeRow]:
    """Node rows with a newer `seq`, oldest change first: one range of one index."""
    found = NodeExecution.objects.filter(execution=execution, seq__gt=since).order_by("seq")
    return [node_row(values) for values in found.values(*NODE_COLUMNS)[:limit]]


def read_edits(graph: int, since: int) -> Edits | None:
    """A graph's edits after a revision, as a message; None when the graph is gone."""
    revision = Graph.objects.filter(pk=graph).values_list("revision", flat=True).first()
    if revision is None:
        return None
    rows = edits_since(graph, since)
    upto = rows[-1]["revision"] if rows else revision
    more = upto < revision
    return Edits(f'{{"type":"edits","revision":{upto},"edits":{encode(rows)}}}', upto, len(rows), more)


def read_recent(graph: int) -> dict[UUID, Shown]:
    """The latest executions of a graph and those that are not over, newest first."""
    of_graph = Execution.objects.filter(graph=graph).order_by("-id").values(*EXECUTION_COLUMNS)
    active = of_graph.filter(status__in=ACTIVE_VALUES)[:MOST_ACTIVE]
    found = {values["id"]: values for values in (*of_graph[:RECENT], *active)}
    return {id: _shown(found[id]) for id in sorted(found, reverse=True)}


def read_executions(ids: Iterable[UUID]) -> dict[UUID, Shown]:
    """These executions, as far as they exist."""
    found = Execution.objects.filter(pk__in=list(ids)).values(*EXECUTION_COLUMNS)
    return {values["id"]: _shown(values) for values in found}


def _shown(values: Mapping[str, Any]) -> Shown:
    return Shown(encode(execution_row(values)), values["status"] in FINAL)


def encode(value: Any) -> str:
    """Compact JSON; times in UTC as `…Z`."""
    return dump(value).decode()
