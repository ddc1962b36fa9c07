"""What the pages say about runs: bounded, indexed reads that never touch payloads."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from statistics import median
from typing import Any

from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.utils import timezone

from agentflow.graphs.last_execution import LastExecution, with_last_execution
from agentflow.graphs.models import Graph
from agentflow.graphs.permissions import graphs_for
from executions.engine.status import ACTIVE, FINAL, Status
from executions.ids import uuid7_floor
from executions.models import Execution

#: A page never reads more runs than this; the overview says so when there were more.
MAX_RUNS = 20_000
BARS = 48
STRIP = 30


@dataclass(slots=True)
class GraphFigures:
    """One graph in the overview's table, over its runs of the period."""

    id: int
    name: str
    runs: int = 0
    failed: int = 0
    seconds: list[float] = field(default_factory=list)
    #: Statuses of the newest runs, oldest first.
    strip: list[str] = field(default_factory=list)
    last: LastExecution | None = None

    @property
    def success(self) -> float | None:
        """Share of completed among ended runs, 0 to 1."""
        ended = len(self.seconds)
        return 1 - self.failed / ended if ended else None

    @property
    def median_seconds(self) -> float | None:
        """Median duration of ended runs."""
        return median(self.seconds) if self.seconds else None

    @property
    def p95_seconds(self) -> float | None:
        """95 % of ended runs took at most this."""
        return percentile(self.seconds, 0.95)


@dataclass(slots=True)
class Bar:
    """Runs of one slice of the period."""

    start: datetime
    done: int = 0
    failed: int = 0

    @property
    def total(self) -> int:
        """All runs of the slice."""
        return self.done + self.failed


@dataclass(frozen=True, slots=True)
class Overview:
    """Figures of the front page."""

    runs: int
    truncated: bool
    failed: int
    #: Queued or running.
    active: int
    waiting: int
    last_hour: int
    success: float | None
    median_seconds: float | None
    p95_seconds: float | None
    bars: Sequence[Bar]
    graphs: Sequence[GraphFigures]


def visible_executions(user: User) -> QuerySet[Execution]:
    """Executions of the graphs that `user` may see, without payloads."""
    return (
        Execution.objects.filter(graph__in=graphs_for(user).order_by())
        .select_related("graph", "version", "owner")
        .only(
            *("id", "status", "reason", "error", "counts", "trigger", "seq", "cancel_requested_at"),
            *("created_at", "started_at", "ended_at", "wake_at", "parent_id", "retry_of_id", "batch"),
            *("graph__id", "graph__name", "version__number", "owner__id", "owner__username"),
            *("owner__first_name", "owner__last_name"),
        )
    )


def overview(user: User, *, hours: int = 24, now: datetime | None = None) -> Overview:
    """Figures of the last `hours`, from one indexed read of at most MAX_RUNS rows."""
    now = now or timezone.now()
    start = now - timedelta(hours=hours)
    rows = list(
        Execution.objects.filter(graph__in=graphs_for(user).order_by(), id__gte=uuid7_floor(start))
        .order_by("-id")
        .values_list("graph_id", "graph__name", "status", "created_at", "started_at", "ended_at")[: MAX_RUNS + 1]
    )
    truncated, rows = len(rows) > MAX_RUNS, rows[:MAX_RUNS]
    graphs = _by_graph(rows)
    seconds = [s for graph in graphs for s in graph.seconds]
    failed = sum(graph.failed for graph in graphs)
    return Overview(
        runs=len(rows),
        truncated=truncated,
        failed=failed,
        active=sum(1 for row in rows if row[2] in ACTIVE and row[2] != Status.WAITING),
        waiting=sum(1 for row in rows if row[2] == Status.WAITING),
        last_hour=sum(1 for row in rows if row[3] >= now - timedelta(hours=1)),
        success=1 - failed / len(seconds) if seconds else None,
        median_seconds=median(seconds) if seconds else None,
        p95_seconds=percentile(seconds, 0.95),
        bars=_bars(rows, start, now),
        graphs=_with_last(sorted(graphs, key=lambda g: -g.runs)[:8]),
    )


def strips(graph_ids: Iterable[int]) -> dict[int, list[str]]:
    """Statuses of the newest runs of each graph, oldest first; one read of an index per graph."""
    ids = list(graph_ids)
    found: dict[int, list[str]] = {}
    for graph_id in ids:
        newest = Execution.objects.filter(graph_id=graph_id).order_by("-id").values_list("status", flat=True)[:STRIP]
        found[graph_id] = list(reversed(newest))
    return found


def percentile(values: Sequence[float], share: float) -> float | None:
    """The smallest value that `share` of the values do not exceed; None for no values."""
    if not values:
        return None
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, -(-int(share * 1000) * len(ordered) // 1000) - 1))]


def _by_graph(rows: Sequence[Any]) -> list[GraphFigures]:
    found: dict[int, GraphFigures] = {}
    for graph_id, name, status, _created, started, ended in rows:
        graph = found.setdefault(graph_id, GraphFigures(graph_id, name))
        graph.runs += 1
        graph.failed += status == Status.FAILED
        if len(graph.strip) < STRIP:
            graph.strip.insert(0, status)
        if status in FINAL and started and ended:
            graph.seconds.append((ended - started).total_seconds())
    return list(found.values())


def _with_last(graphs: list[GraphFigures]) -> list[GraphFigures]:
    newest: Any = with_last_execution(Graph.objects.filter(pk__in=[graph.id for graph in graphs]))
    found = dict(newest.values_list("pk", "last_execution"))
    for graph in graphs:
        graph.last = found.get(graph.id)
    return graphs


def _bars(rows: Sequence[Any], start: datetime, now: datetime) -> list[Bar]:
    width = (now - start) / BARS
    bars = [Bar(start + index * width) for index in range(BARS)]
    counts: dict[int, list[int]] = defaultdict(lambda: [0, 0])
    for _id, _name, status, created, _started, _ended in rows:
        index = min(BARS - 1, max(0, int((created - start) / width)))
        counts[index][status == Status.FAILED] += 1
    for index, (done, failed) in counts.items():
        bars[index].done, bars[index].failed = done, failed
    return bars
