"""What of an earlier execution stands for runs of a new one, also when that one is taken up again."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from blocks.registry import registry
from executions.engine.commands import Arrival, Run
from executions.engine.plan import Plan, compile_plan
from executions.engine.status import Status
from executions.replay import Recorded, Replayed
from executions.reuse import Book, Outputs
from tests.executions.hosting import spec_of

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def plan() -> Plan:
    """A request, which is not pure, for each item."""
    nodes = {"each": ("logic.for_each", {"items": [1, 1, 1]}), "get": ("web.request", {"url": "http://example.org"})}
    return compile_plan(spec_of(nodes, "each.item -> get.body"), registry())


def run(item: int) -> Run:
    return Run("get", (item,), 0, (Arrival(0, 1, 0),))


def book(plan: Plan, *kept: Outputs) -> Book:
    """Of runs of the same node on the same input that gave different things."""
    made = Book()
    for item, outputs in enumerate(kept):
        made.keep(plan.nodes["get"], run(item + 10), outputs)
    return made


def replayed(*statuses: Status) -> Replayed:
    """Runs that have taken something, the last ones first in the records."""
    rows: list[dict[str, Any]] = [
        {
            "node": "get",
            "path": [item],
            "ordinal": 0,
            "status": status,
            "reused": True,
            "started_at": BEGAN + timedelta(seconds=item),
        }
        for item, status in enumerate(statuses)
    ]
    runs = {run(item).key: run(item) for item in range(len(rows))}
    recorded = {run(item).key: Recorded(1, Status(row["status"]), row) for item, row in reversed([*enumerate(rows)])}
    return Replayed(list(runs.values()), recorded, [], None, runs)


def outputs(text: str) -> Outputs:
    return [("body", text)]


def test_what_was_taken_is_not_there_for_others(plan: Plan) -> None:
    kept = book(plan, outputs("a"), outputs("b"))
    kept.take_again(plan, replayed(Status.COMPLETED))
    assert kept.take(plan.nodes["get"], run(5)) == outputs("b")
    assert kept.take(plan.nodes["get"], run(6)) is None


def test_run_that_was_cut_off_gets_what_it_had_taken(plan: Plan) -> None:
    kept = book(plan, outputs("a"), outputs("b"), outputs("c"))
    kept.take_again(plan, replayed(Status.COMPLETED, Status.RUNNING))
    assert kept.take(plan.nodes["get"], run(5)) == outputs("c")
    assert kept.take(plan.nodes["get"], run(1)) == outputs("b")


def test_run_of_which_nothing_was_taken_runs(plan: Plan) -> None:
    kept = book(plan, outputs("a"))
    kept.take_again(plan, replayed(Status.RUNNING))
    assert kept.take(plan.nodes["get"], run(1)) is None
