"""Balances: whatever is reserved and settled in whatever order, nothing is ever negative and nothing is lost."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from agentflow.costs.settling import Purse

dollars = st.decimals(0, 10_000, places=6)


@given(dollars, st.lists(st.tuples(dollars, dollars), max_size=12))
def test_no_order_of_steps_overdraws(balance: Decimal, steps: list[tuple[Decimal, Decimal]]) -> None:
    purse = Purse(balance)
    running: list[tuple[Decimal, Decimal]] = []
    taken = Decimal(0)
    for number, (reserved, cost) in enumerate(steps):
        if purse.can_reserve(reserved):
            purse.reserved += reserved
            running.append((cost, reserved))
        if number % 2 and running:
            taken += purse.settle(*running.pop(0))
        assert 0 <= purse.reserved <= purse.balance
    for cost, reserved in running:
        taken += purse.settle(cost, reserved)
    assert purse.reserved == 0
    assert purse.balance == balance - taken >= 0


@given(dollars, dollars)
def test_a_step_that_costs_what_was_reserved_is_paid_in_full(balance: Decimal, cost: Decimal) -> None:
    purse = Purse(balance)
    if purse.can_reserve(cost):
        purse.reserved += cost
        assert purse.settle(cost, cost) == cost


def test_a_step_that_costs_more_takes_nothing_that_others_have_set_aside() -> None:
    purse = Purse(Decimal(10), Decimal(8))  # 2 of its own, 6 of others
    assert purse.settle(Decimal(7), Decimal(2)) == 4
    assert (purse.balance, purse.reserved) == (Decimal(6), Decimal(6))


def test_nothing_is_reserved_from_nothing() -> None:
    assert not Purse(Decimal(0)).can_reserve(Decimal(0))
    assert Purse(Decimal(1)).can_reserve(Decimal(0))
