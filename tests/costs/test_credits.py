"""Credits and budgets with real runs: what is there is spent, and nothing else."""

from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from rest_framework.test import APIClient

from agentflow.costs.models import Account, Budget, BudgetPeriod, Movement, Reservation
from agentflow.costs.services import TooFew, give_credits
from executions import services
from executions.engine.status import Status
from executions.models import Charge, Execution
from executions.starting import OutOfFunds
from tests.executions.hosting import drawn, ended, error_of, run, started
from tests.waiting import until

pytestmark = [pytest.mark.redis, pytest.mark.usefixtures("db", "host")]

MANY = {"v": ("core.value", {"value": list(range(30))}), "each": ("logic.for_each", {}), "a": ("paid.run", {})}
LINKS = "v.value -> each.items; each.item -> a.value"


@pytest.fixture(scope="module")
def db(lasting_db: None) -> None:
    """Stays for all tests of this module."""


def account(owner: User, dollars: str) -> Account:
    made = Account.objects.create(user=owner)
    give_credits(made, Decimal(dollars), by=None)
    return made


def balance(owner: User) -> tuple[Decimal, Decimal]:
    found = Account.objects.get(user=owner)
    return found.balance, found.reserved


@pytest.mark.usefixtures("credits_on")
def test_what_a_run_costs_is_taken_from_its_owner(owner: User) -> None:
    account(owner, "1")
    execution = run(owner, {"a": ("paid.run", {"size": "large"}), "b": ("paid.run", {})})
    assert (execution.status, balance(owner)) == (Status.COMPLETED, (Decimal("0.4"), Decimal(0)))
    paid = Movement.objects.filter(account__user=owner, charge__isnull=False)
    assert set(paid.values_list("charge", flat=True)) == set(
        Charge.objects.filter(execution=execution).values_list("pk", flat=True)
    )


@pytest.mark.usefixtures("credits_on")
def test_a_run_that_runs_out_ends_with_the_reason_budget(owner: User) -> None:
    account(owner, "0.75")
    execution = run(owner, MANY, LINKS)
    assert (execution.status, execution.reason) == (Status.FAILED, "budget")
    assert execution.error is not None
    assert execution.error["title"] == "The money is used up"
    until(lambda: not Reservation.objects.filter(execution=execution.pk).exists())
    left, reserved = balance(owner)
    assert (left + execution.cost, reserved) == (Decimal("0.75"), Decimal(0))
    assert execution.cost <= Decimal("0.7")


@pytest.mark.usefixtures("credits_on")
def test_an_error_port_does_not_go_on_without_money(owner: User) -> None:
    account(owner, "0.05")
    nodes: dict[str, Any] = {"a": ("paid.run", {}), "b": ("core.log", {})}
    execution = run(owner, nodes, "a.error.message -> b.message")
    assert (execution.status, execution.reason) == (Status.FAILED, "budget")
    assert "0.05 $ left" in error_of(execution, "a")["message"]


@pytest.mark.usefixtures("credits_on")
def test_a_start_without_funds_is_refused_with_402(owner: User) -> None:
    graph = drawn(owner, {"a": ("paid.run", {})})
    client = APIClient()
    client.force_authenticate(owner)
    answer = client.post(f"/api/v1/graphs/{graph.pk}/execute/", {"inputs": {}})
    assert (answer.status_code, answer.json()["title"]) == (402, "Payment Required")
    assert not Execution.objects.filter(graph=graph).exists()
    with pytest.raises(OutOfFunds):
        services.start_executions(graph, user=owner, inputs_list=[{}, {}])


@pytest.mark.usefixtures("credits_on")
def test_what_is_free_needs_no_credits(owner: User) -> None:
    assert run(owner, {"a": ("core.value", {"value": 1})}).status == Status.COMPLETED


@pytest.mark.usefixtures("credits_on")
def test_a_group_pays_for_members_without_an_account(owner: User) -> None:
    group = Group.objects.create(name=owner.username)
    owner.groups.add(group)
    shared = Account.objects.create(group=group)
    give_credits(shared, Decimal(1), by=None)
    run(owner, {"a": ("paid.run", {})})
    shared.refresh_from_db()
    assert shared.balance == Decimal("0.9")
    account(owner, "2")
    run(owner, {"a": ("paid.run", {})})
    shared.refresh_from_db()
    assert (shared.balance, balance(owner)[0]) == (Decimal("0.9"), Decimal("1.9"))


@pytest.mark.usefixtures("credits_on")
def test_a_child_without_funds_does_not_start(owner: User) -> None:
    account(owner, "0.1")
    inner = drawn(owner, {"a": ("paid.run", {})})
    execution = run(owner, {"first": ("graph.run", {"graph": inner.pk}), "then": ("graph.run", {"graph": inner.pk})})
    assert execution.status == Status.FAILED
    assert Charge.objects.filter(owner=owner).count() == 1


@pytest.mark.usefixtures("credits_on")
def test_a_step_that_costs_more_than_was_there_takes_what_was_there(owner: User) -> None:
    account(owner, "0.1")
    run(owner, {"a": ("paid.time", {"seconds": 0.3})})
    assert balance(owner) == (Decimal(0), Decimal(0))
    (movement,) = Movement.objects.filter(account__user=owner, charge__isnull=False)
    charge = Charge.objects.get(owner=owner)
    assert (movement.amount, movement.uncovered) == (Decimal("-0.1"), charge.amount - Decimal("0.1"))


@pytest.mark.usefixtures("credits_on")
def test_what_was_reserved_for_a_cancelled_run_is_free_again(owner: User) -> None:
    account(owner, "1")
    execution = started(owner, {"a": ("paid.time", {"seconds": 4})})
    until(lambda: execution.node_executions.filter(status=Status.RUNNING).exists())
    services.cancel_execution(execution, user=owner)
    ended(execution)
    until(lambda: balance(owner)[1] == 0)
    assert not Reservation.objects.filter(execution=execution.pk).exists()


def test_credits_are_not_asked_for_when_they_are_off(owner: User) -> None:
    assert run(owner, {"a": ("paid.run", {})}).status == Status.COMPLETED
    assert not Movement.objects.filter(account__user=owner).exists()


def test_a_budget_of_a_graph_stops_its_runs(owner: User) -> None:
    graph = drawn(owner, MANY, LINKS)
    Budget.objects.create(graph=graph, limit=Decimal("0.45"), span="day")
    execution = ended(services.start_execution(graph, user=owner, inputs={}))
    assert (execution.status, execution.reason) == (Status.FAILED, "budget")
    assert execution.cost <= Decimal("0.4")
    period = BudgetPeriod.objects.get(budget__graph=graph)
    assert (period.spent, period.reserved) == (execution.cost, Decimal(0))
    assert period.reached_at is not None


def test_a_start_is_refused_when_the_budget_is_used_up(owner: User) -> None:
    graph = drawn(owner, {"a": ("paid.run", {})})
    Budget.objects.create(user=owner, limit=Decimal("0.1"))
    assert ended(services.start_execution(graph, user=owner, inputs={})).status == Status.COMPLETED
    with pytest.raises(OutOfFunds, match="0.10 \\$ a month"):
        services.start_execution(graph, user=owner, inputs={})


def test_a_budget_that_only_warns_does_not_stop(owner: User) -> None:
    graph = drawn(owner, {"a": ("paid.run", {}), "b": ("paid.run", {"size": "large"})}, "a.value -> b.value")
    Budget.objects.create(graph=graph, limit=Decimal("0.1"), stops=False, warn_at=50)
    assert ended(services.start_execution(graph, user=owner, inputs={})).status == Status.COMPLETED
    period = BudgetPeriod.objects.get(budget__graph=graph)
    assert (period.spent, period.warned_at is not None, period.reached_at is not None) == (Decimal("0.6"), True, True)


def test_a_new_budget_knows_what_was_spent_before(owner: User) -> None:
    graph = drawn(owner, {"a": ("paid.run", {})})
    ended(services.start_execution(graph, user=owner, inputs={}))
    Budget.objects.create(graph=graph, limit=Decimal("0.25"))
    ended(services.start_execution(graph, user=owner, inputs={}))
    assert BudgetPeriod.objects.get(budget__graph=graph).spent == Decimal("0.2")


def test_no_more_is_taken_than_is_there(owner: User) -> None:
    made = account(owner, "1")
    with pytest.raises(TooFew):
        give_credits(made, Decimal("-1.01"), by=None)
    assert balance(owner)[0] == 1
