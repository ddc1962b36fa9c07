"""What was used, for people who may see it: money, tokens and time by graph, node, block, person or day.

Daily rows are added up, and what has ended since they were brought up to date is read as it is, all in one statement,
so that nothing counts twice and nothing is missing.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from django.contrib.auth.models import User
from django.db import connection
from django.utils import timezone

from agentflow.costs.counting import FREE, KEYS, PAID, SUMS
from agentflow.graphs.models import Graph, Node
from agentflow.graphs.permissions import graphs_for

#: Rows of one answer.
MOST_ROWS = 1_000
LONGEST_DAYS = 366
#: What rows may be grouped by, and the columns that make a group.
GROUPS: Mapping[str, tuple[str, ...]] = {
    "graph": ("graph_id",),
    "node": ("graph_id", "node", "block"),
    "block": ("block",),
    "person": ("owner_id",),
    "day": ("day",),
}
_TAIL = " UNION ALL ".join(
    part.replace("%(since)s", "(SELECT since FROM mark)").replace("%(until)s", "'infinity'::timestamptz")
    for part in (FREE, PAID)
)
_COLUMNS = ", ".join(KEYS + SUMS)
_SOURCE = f"""
    WITH mark AS MATERIALIZED (SELECT coalesce(max(until), '-infinity') AS since FROM costs_mark)
    SELECT {{picked}} FROM (
        SELECT {_COLUMNS} FROM costs_dailyusage UNION ALL SELECT {_COLUMNS} FROM ({_TAIL}) tail
    ) used
    WHERE day BETWEEN %(first)s AND %(last)s AND (%(all)s OR graph_id = ANY(%(graphs)s) OR owner_id = %(user)s)
        AND (%(graph)s::bigint IS NULL OR graph_id = %(graph)s) AND (%(block)s = '' OR block = %(block)s)
"""  # noqa: S608 - parts of our own
_SUMMED = ", ".join(f"coalesce(sum({name}), 0) AS {name}" for name in SUMS)


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody wants to know."""

    user: User
    first: date
    last: date
    graph: int | None = None
    block: str = ""

    @property
    def parameters(self) -> dict[str, Any]:
        """For the statements."""
        graphs = [] if self.user.is_superuser else list(graphs_for(self.user).values_list("pk", flat=True))
        return {
            "first": self.first,
            "last": self.last,
            "graph": self.graph,
            "block": self.block,
            "graphs": graphs,
            "user": self.user.pk,
            "all": self.user.is_superuser,
        }


@dataclass(frozen=True, slots=True)
class Used:
    """Sums of a group, or of everything."""

    #: The values of the group's columns, and names for people.
    group: Mapping[str, Any]
    runs: int
    seconds: float
    tokens: int
    input_tokens: int
    output_tokens: int
    cost: Decimal


def today() -> date:
    """The day as it is counted: UTC."""
    return timezone.now().date()


def last_days(user: User, days: int, **more: Any) -> Asked:
    """The last so many days, with today."""
    return Asked(user, today() - timedelta(days=days - 1), today(), **more)


def used_by(asked: Asked, by: str, *, most: int = MOST_ROWS) -> tuple[list[Used], bool]:
    """Groups, what cost most first, days in their order; and whether there are more."""
    columns = GROUPS[by]
    order = "day" if by == "day" else f"cost DESC, seconds DESC, {', '.join(columns)}"
    rows = _read(asked, columns, f"GROUP BY {', '.join(columns)} ORDER BY {order} LIMIT {most + 1}")
    return named(rows[:most]), len(rows) > most


def total(days: Sequence[Used]) -> Used:
    """All days together."""
    return Used(
        {},
        sum(day.runs for day in days),
        sum(day.seconds for day in days),
        sum(day.tokens for day in days),
        sum(day.input_tokens for day in days),
        sum(day.output_tokens for day in days),
        sum((day.cost for day in days), Decimal(0)),
    )


def each_day(asked: Asked) -> Iterator[list[Used]]:
    """All rows, day by day, so that however many there are, few are in memory."""
    for number in range((asked.last - asked.first).days + 1):
        day = asked.first + timedelta(days=number)
        columns = ", ".join(KEYS)
        rows = _read(replace(asked, first=day, last=day), KEYS, f"GROUP BY {columns} ORDER BY {columns}")
        yield named(rows)


def named(rows: Sequence[Used]) -> list[Used]:
    """The rows with the names of graphs, nodes and people."""
    graphs = dict(Graph.objects.filter(pk__in=_all(rows, "graph_id")).values_list("pk", "name"))
    users = {user.pk: user for user in User.objects.filter(pk__in=_all(rows, "owner_id"))}
    nodes = _titles(rows)
    found = []
    for row in rows:
        group = dict(row.group)
        if "graph_id" in group:
            group["graph"] = graphs.get(group["graph_id"])
        if "owner_id" in group:
            user = users.get(group["owner_id"])
            group["owner"] = user and (user.get_full_name() or user.get_username())
        if "node" in group:
            group["title"] = nodes.get((group["graph_id"], group["node"])) or group["node"]
        found.append(replace(row, group=group))
    return found


def _titles(rows: Sequence[Used]) -> dict[tuple[int, str], str]:
    keys = {row.group["node"] for row in rows if "node" in row.group}
    if not keys:
        return {}
    nodes = Node.objects.filter(graph__in=_all(rows, "graph_id"), key__in=keys)
    return {(graph, key): title for graph, key, title in nodes.values_list("graph", "key", "title")}


def _all(rows: Sequence[Used], column: str) -> set[Any]:
    return {row.group[column] for row in rows if column in row.group}


def _read(asked: Asked, columns: Sequence[str], tail: str) -> list[Used]:
    picked = ", ".join([*columns, _SUMMED])
    with connection.cursor() as cursor:
        cursor.execute(f"{_SOURCE.replace('{picked}', picked)} {tail}", asked.parameters)
        rows = cursor.fetchall()
    number = len(columns)
    return [_used(dict(zip(columns, row, strict=False)), row[number:]) for row in rows]


def _used(group: Mapping[str, Any], sums: Sequence[Any]) -> Used:
    runs, seconds, tokens, given, taken, cost = sums
    return Used(group, int(runs), float(seconds), int(tokens), int(given), int(taken), Decimal(cost))
