"""The shipped example graphs are valid, tidy, and give what they promise."""

import csv
import json
from collections.abc import Iterator
from decimal import Decimal
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from agentflow.graphs.spec import GraphSpec, to_json
from agentflow.graphs.validation import validate
from blocks.data import read_table
from blocks.registry import load
from executions.engine.commands import Run
from executions.engine.simulate import Trace, simulate
from executions.engine.status import Status

NAMES = ("ask-a-model", "hello", "refund-with-approval", "sales-report", "slow-steps")
EXAMPLES = Path(__file__).resolve().parents[2] / "agentflow" / "graphs" / "examples"
REGISTRY = load()
#: As large as a node of the canvas gets here; columns are 260 apart, rows 120 or more.
NODE_WIDTH, NODE_HEIGHT = 180, 120


def example(name: str) -> GraphSpec:
    return GraphSpec.from_json(json.loads((EXAMPLES / f"{name}.json").read_text(encoding="utf-8")))


def read_sales(run: Run, values: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """What data.csv does, with the file from where it is shipped."""
    columns, rows = read_table((EXAMPLES.parent / values["file"]).read_text(encoding="utf-8"))
    yield "columns", columns
    yield "count", len(rows)
    yield "rows", rows


def pass_on(run: Run, values: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """core.delay without the wait."""
    yield "value", values["value"]


def decide(run: Run, values: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """A person who approves what Ada gets, with five taken off."""
    payload = values["payload"]
    if payload["customer"] == "Ada":
        yield "approved", {**payload, "amount": payload["amount"] - 5}
        yield "comment", ""
    else:
        yield "rejected", payload
        yield "comment", "we do not know you"


def simulated(name: str, /, **inputs: Any) -> Trace:
    behaviours = {"approve": decide, "read": read_sales, "short": pass_on, "long": pass_on}
    return simulate(example(name), REGISTRY, inputs, behaviours=behaviours)


@pytest.mark.parametrize("name", NAMES)
def test_an_example_has_no_problem_and_is_written_canonically(name: str) -> None:
    spec = example(name)
    assert validate(spec, REGISTRY) == ()
    assert to_json(spec) == json.loads((EXAMPLES / f"{name}.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", NAMES)
def test_nothing_overlaps_in_an_example(name: str) -> None:
    spec = example(name)
    boxes = [(x, y, NODE_WIDTH, NODE_HEIGHT) for x, y in spec.layout.values()]
    boxes += [tuple(note["at"]) for note in spec.annotations]
    assert len(spec.layout) == len(spec.nodes)
    for (x, y, width, height), (u, v, w, h) in combinations(boxes, 2):
        assert x + width <= u or u + w <= x or y + height <= v or v + h <= y


def test_hello_greets() -> None:
    assert simulated("hello", name="Ada").outputs == {"greeting": "Hello Ada!"}


def test_the_sales_file_has_quoted_cells_and_returns() -> None:
    text = (EXAMPLES / "sales.csv").read_text(encoding="utf-8")
    _, rows = read_table(text)
    assert len(rows) > 300
    assert any(row["units"] < 0 for row in rows)
    assert any('"' in row["note"] or "," in row["customer"] for row in rows)


@pytest.mark.parametrize("minimum", [1, 20, 60])
def test_the_sales_report_counts_what_is_large_enough(minimum: int) -> None:
    with (EXAMPLES / "sales.csv").open(encoding="utf-8", newline="") as file:
        large = [row for row in csv.DictReader(file) if int(row["units"]) >= minimum]
    worth = sum(Decimal(row["units"]) * Decimal(row["unit_price"]) for row in large)
    trace = simulated("sales-report", minimum=minimum)
    assert trace.outputs["lines"] == len(large)
    assert f"{len(large)} order lines have {minimum} units or more" in trace.outputs["report"]
    assert f"worth {worth:,.2f} together" in trace.outputs["report"]


def test_the_sales_report_says_when_nothing_is_large_enough() -> None:
    trace = simulated("sales-report", minimum=1_000)
    assert trace.status is Status.COMPLETED
    assert "No order line has 1000 units or more." in trace.outputs["report"]


@pytest.mark.parametrize(
    ("speed", "result"),
    [
        ("fast", "Asked for fast, did fast"),
        ("slow", "Asked for slow, did slow"),
        ("warp", "Asked for warp, did something else, because it failed: There is no such speed: use fast or slow."),
    ],
)
def test_slow_steps_chooses_a_way_and_handles_the_failure(speed: str, result: str) -> None:
    trace = simulated("slow-steps", speed=speed)
    assert trace.status is Status.COMPLETED
    assert trace.outputs == {"result": result}


@pytest.mark.parametrize(
    ("customer", "amount", "result"),
    [
        ("Ada", 100, "Refunded 100 to Ada."),
        ("Ada", 101, "Refunded 96 to Ada."),
        ("Eve", 101, "No refund for Eve: we do not know you"),
    ],
)
def test_a_large_refund_waits_for_a_person(customer: str, amount: int, result: str) -> None:
    trace = simulated("refund-with-approval", customer=customer, amount=amount)
    assert trace.status is Status.COMPLETED
    assert trace.outputs == {"result": result}
    assert ("approve" in trace.skipped) is (amount <= 100)
