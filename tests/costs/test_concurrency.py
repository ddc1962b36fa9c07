"""Many connections spend the same money at the same time: it is spent once."""

import asyncio
from decimal import Decimal
from uuid import UUID, uuid4

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth.models import User
from psycopg import AsyncConnection

from agentflow.costs.funds import CreditsAndBudgets
from agentflow.costs.models import Account, Budget, BudgetPeriod, Movement, Reservation
from agentflow.costs.services import give_credits
from executions.database import conninfo
from executions.funds import Wanted
from executions.ledger import ChargeRow
from tests import factories

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("credits_on")]

STEPS = 24
COST = Decimal("0.1")


async def spend(owner: int, graph: int, cost: Decimal) -> str:
    """What a worker does for one step, on a connection of its own: reserve, work, settle."""
    funds, step = CreditsAndBudgets(), uuid4()
    async with await AsyncConnection.connect(conninfo("test")) as connection:
        async with connection.transaction():
            refusal = await funds.reserve(connection, Wanted(step, uuid4(), graph, owner, COST))
        await asyncio.sleep(0)
        if not refusal:
            async with connection.transaction():
                await funds.settle(connection, [charged(step, owner, graph, cost)])
        return refusal


def charged(step: UUID, owner: int, graph: int, cost: Decimal) -> ChargeRow:
    return ChargeRow(step, owner, graph, "a", "paid.run", cost, 0.0, {})


async def all_at_once(owner: int, graph: int, cost: Decimal = COST) -> int:
    """How many of the steps were paid."""
    refusals = await asyncio.gather(*(spend(owner, graph, cost) for _ in range(STEPS)))
    return refusals.count("")


@pytest.fixture
def alice() -> User:
    made = factories.user("alice")
    give_credits(Account.objects.create(user=made), Decimal("0.75"), by=None)
    return made


def test_parallel_spends_never_go_below_zero(alice: User) -> None:
    assert async_to_sync(all_at_once)(alice.pk, 0) == 7
    account = Account.objects.get(user=alice)
    assert (account.balance, account.reserved) == (Decimal("0.05"), Decimal(0))
    taken = [movement.amount for movement in Movement.objects.filter(charge__isnull=False)]
    assert (len(taken), sum(taken)) == (7, Decimal("-0.7"))
    assert not Reservation.objects.exists()


def test_nor_when_steps_cost_more_than_was_reserved(alice: User) -> None:
    async_to_sync(all_at_once)(alice.pk, 0, Decimal("0.3"))
    account = Account.objects.get(user=alice)
    assert (account.balance, account.reserved) == (Decimal(0), Decimal(0))
    paid = Movement.objects.filter(charge__isnull=False)
    assert sum(movement.amount for movement in paid) == Decimal("-0.75")
    assert all(movement.uncovered - movement.amount == Decimal("0.3") for movement in paid)


def test_a_budget_is_not_exceeded_by_steps_at_the_same_time(alice: User) -> None:
    graph = factories.graph(alice)
    Budget.objects.create(graph=graph, limit=Decimal("0.5"))
    assert async_to_sync(all_at_once)(alice.pk, graph.pk) == 5
    period = BudgetPeriod.objects.get()
    assert (period.spent, period.reserved) == (Decimal("0.5"), Decimal(0))


def test_a_step_reserves_and_pays_once_however_often_it_is_told(alice: User) -> None:
    step = uuid4()

    async def twice() -> None:
        funds = CreditsAndBudgets()
        async with await AsyncConnection.connect(conninfo("test")) as connection:
            for _ in range(2):
                async with connection.transaction():
                    assert await funds.reserve(connection, Wanted(step, uuid4(), 0, alice.pk, COST)) == ""

    async_to_sync(twice)()
    assert Account.objects.get(user=alice).reserved == COST
