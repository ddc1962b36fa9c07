"""What an execution has to do with others, on its page: who started it, what it started, what it keeps of which."""

from collections.abc import Iterable
from json import dumps
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.utils.safestring import SafeString

from executions.admin_display import badge_of, json_text, link, table
from executions.models import Approval, Execution, NodeExecution

#: Executions that a page lists.
MOST_LISTED = 50
#: Node executions that are counted.
MOST_COUNTED = 1_000
#: Signs of decisions.
SIGNS = {"approved": "✓", "rejected": "✕", "repeat": "↻", "happened": "✓", "fail": "✕"}
COLUMNS = ("id", "status", "counts", "trigger", "parent_node", "graph__name")


class Family:
    """Read-only fields of `ExecutionAdmin`."""

    @admin.display(description="started by a node of")
    def parent_link(self, run: Execution) -> SafeString | str:
        """The execution that waits for this one."""
        return _run_link(run.parent_id)

    @admin.display(description="retry of")
    def retry_link(self, run: Execution) -> SafeString | str:
        """The execution that this one takes up."""
        return _run_link(run.retry_of_id)

    @admin.display(description="runs and keeps of it")
    def chosen(self, run: Execution) -> SafeString | str:
        """Which nodes run, and whether results of `retry_of` are kept."""
        return json_text(dumps(run.choice, indent=2, ensure_ascii=False)) if run.choice else "–"

    @admin.display(description="batch")
    def batch_link(self, run: Execution) -> SafeString | str:
        """The first of those that were started together."""
        return _run_link(run.batch)

    @admin.display(description="results not computed here")
    def taken(self, run: Execution) -> str:
        """Node executions that gave an earlier result or pinned data."""
        rows = NodeExecution.objects.filter(execution=run).order_by()
        asked = {"reused": run.retry_of_id is not None, "pinned": run.use_pins}
        words = [_counted(rows.filter(**{name: True}), name) for name, is_possible in asked.items() if is_possible]
        return ", ".join(filter(None, words)) or "–"

    @admin.display(description="executions that it started")
    def children_table(self, run: Execution) -> SafeString | str:
        """Executions of other graphs, which its nodes wait or have waited for."""
        rows = _listed(Execution.objects.filter(parent=run).order_by("pk"))
        nodes = NodeExecution.objects.filter(pk__in=[row.parent_node for row in rows if row.parent_node])
        names = dict(nodes.values_list("pk", "node")) if rows else {}
        return _table(rows, "Node", lambda row: names.get(row.parent_node, "–"))

    @admin.display(description="retries of it")
    def retries_table(self, run: Execution) -> SafeString | str:
        """Executions that take this one up."""
        return _table(
            _listed(Execution.objects.filter(retry_of=run).order_by("-pk")), "Trigger", lambda row: row.trigger
        )

    @admin.display(description="questions")
    def questions_table(self, run: Execution) -> SafeString | str:
        """What it asked people."""
        rows = Approval.objects.filter(execution=run).select_related("decided_by").defer("payload", "answer")
        shown = [
            (
                link("admin:executions_approval_change", [row.pk], row.get_kind_display()),
                state_of(row),
                row.decided_by or "–",
            )
            for row in rows[:MOST_LISTED]
        ]
        return table(("Question", "State", "By"), shown)


def state_of(approval: Approval) -> str:
    """Where a question stands, as sign and word."""
    if approval.decided_at:
        return f"{SIGNS[approval.decision]} {approval.decision}"
    return "⊘ the run ended" if approval.closed_at else "◔ open"


def _run_link(id: Any) -> SafeString | str:
    return link("admin:executions_execution_change", [id], id) if id else "–"


def _listed(rows: QuerySet[Execution]) -> list[Execution]:
    return list(rows.select_related("graph").only(*COLUMNS)[:MOST_LISTED])


def _table(rows: Iterable[Execution], head: str, told: Any) -> SafeString | str:
    cells = [
        (
            link("admin:executions_execution_change", [row.pk], f"{row.pk}"[:18]),
            row.graph.name,
            badge_of(row),
            told(row),
        )
        for row in rows
    ]
    return table(("Execution", "Graph", "Status", head), cells)


def _counted(rows: QuerySet[NodeExecution], name: str) -> str:
    number = rows[: MOST_COUNTED + 1].count()
    return f"more than {MOST_COUNTED:,} {name}" if number > MOST_COUNTED else f"{number:,} {name}" if number else ""
