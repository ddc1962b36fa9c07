"""One charge for each node execution that costs something, written with its end."""

from collections.abc import Iterator
from decimal import Decimal

import pytest
from django.contrib.auth.models import User

from agentflow.graphs.spec import OnError, Policy
from blocks.registry import configure
from executions.engine.status import Status
from executions.models import Charge, Execution
from executions.rerun import retry_execution
from tests.executions.hosting import drawn, ended, row, run
from tests.executions.scraping import scraped
from tests.waiting import until

pytestmark = [pytest.mark.redis, pytest.mark.usefixtures("db", "host")]


@pytest.fixture(scope="module")
def db(lasting_db: None) -> None:
    """Stays for all tests of this module."""


@pytest.fixture(scope="module")
def odd_blocks(db: None) -> Iterator[None]:
    """Blocks that cost something, for `host`."""
    configure(["tests.executions.paid_blocks"])
    yield
    configure(())


def charges(execution: Execution) -> list[tuple[str, Decimal]]:
    return list(Charge.objects.filter(execution=execution).order_by("node").values_list("node", "amount"))


def test_each_run_is_charged_by_its_input(owner: User) -> None:
    nodes = {"a": ("paid.run", {"value": 1}), "b": ("paid.run", {"size": "large"}), "free": ("core.value", {})}
    execution = run(owner, nodes, "a.value -> b.value; b.value -> free.value")
    assert charges(execution) == [("a", Decimal("0.1")), ("b", Decimal("0.5"))]
    assert execution.cost == Decimal("0.6")
    assert [row(execution, node).cost for node in ("a", "b", "free")] == [Decimal("0.1"), Decimal("0.5"), 0]


def test_a_charge_says_whose_and_what_it_is(owner: User) -> None:
    execution = run(owner, {"a": ("paid.run", {})})
    (charge,) = Charge.objects.filter(execution=execution)
    assert (charge.pk, charge.block) == (row(execution, "a").pk, "paid.run")
    assert (charge.graph_id, charge.owner_id) == (execution.graph_id, owner.pk)


def test_an_input_that_arrives_by_a_link_decides(owner: User) -> None:
    nodes = {"size": ("core.value", {"value": "large"}), "a": ("paid.run", {})}
    assert run(owner, nodes, "size.value -> a.size").cost == Decimal("0.5")


def test_every_item_of_a_loop_is_charged(owner: User) -> None:
    nodes = {"v": ("core.value", {"value": [1, 2, 3]}), "each": ("logic.for_each", {}), "a": ("paid.run", {})}
    execution = run(owner, nodes, "v.value -> each.items; each.item -> a.value")
    assert (len(charges(execution)), execution.cost) == (3, Decimal("0.3"))


def test_retries_are_one_run(owner: User) -> None:
    execution = run(owner, {"a": ("paid.run", {"failures": 2}, Policy(retries=3))})
    assert (row(execution, "a").attempt, charges(execution)) == (3, [("a", Decimal("0.1"))])


def test_a_run_that_failed_costs_no_run(owner: User) -> None:
    execution = run(owner, {"a": ("paid.run", {"failures": 9}, Policy(on_error=OnError.CONTINUE))})
    assert (execution.status, charges(execution), execution.cost) == (Status.FAILED, [], Decimal(0))


def test_kept_results_and_pinned_data_cost_nothing(owner: User) -> None:
    first = run(
        owner, {"a": ("paid.run", {"value": 1}), "bad": ("core.fail", {"message": "no"})}, "a.value -> bad.message"
    )
    again = ended(retry_execution(first, user=owner))
    assert (row(again, "a").reused, again.cost) == (True, Decimal(0))


def test_only_work_is_paid_by_the_second(owner: User) -> None:
    execution = run(owner, {"a": ("paid.time", {"seconds": 0.3})})
    assert Decimal("0.25") < execution.cost < 2
    assert row(execution, "a").usage["seconds"] == pytest.approx(float(execution.cost))


def test_children_have_their_own_cost(owner: User) -> None:
    inner = drawn(owner, {"a": ("paid.run", {})})
    outer = run(owner, {"call": ("graph.run", {"graph": inner.pk}), "b": ("paid.run", {"size": "large"})})
    assert outer.cost == Decimal("0.5")
    assert Execution.objects.get(parent=outer).cost == Decimal("0.1")


def test_costs_are_counted_for_metrics(owner: User) -> None:
    name = 'agentflow_cost_usd_total{block="paid.run"}'
    before = scraped().get(name, 0)
    run(owner, {"a": ("paid.run", {})})
    assert until(lambda: scraped().get(name, 0) > before)
    assert scraped()[name] * 10 == pytest.approx(round(scraped()[name] * 10))


def test_a_graph_without_costs_writes_no_charge(owner: User) -> None:
    execution = run(owner, {"a": ("core.value", {"value": 1})})
    assert charges(execution) == []
