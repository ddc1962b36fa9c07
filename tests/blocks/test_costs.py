"""What a run costs: the first entry that fits, and nothing negative, endless or lost in rounding whatever a block says."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from blocks.costs import BYTE, ITEM, MOST, RUN, SECOND, SMALLEST, TOKEN, USD, Cost, CostUnit, charge, reserve
from blocks.prices import Price, price_of, shipped_prices

PRICES = {"small": Price(Decimal("0.1"), Decimal("0.4")), "large": Price(Decimal(2), Decimal(8))}

amounts = st.decimals(0, 1000, places=6)
counts = st.integers(0, 10**9)
#: Whatever a block's author may have handed over.
anything = st.one_of(
    st.integers(), st.floats(), st.booleans(), st.text(), st.none(), st.decimals(), st.lists(st.integers())
)
names = st.sampled_from(["input_tokens", "output_tokens", "tokens", "items", "bytes", "usd", "model"])
cost = st.builds(Cost, st.sampled_from(CostUnit), amounts, st.integers(1, 10**6))


def cents(*costs: Cost, usage: dict[str, Any] | None = None, seconds: float = 0, **inputs: Any) -> Decimal:
    return charge(costs, inputs=inputs, usage=usage or {}, seconds=seconds, prices=PRICES)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.lists(cost, max_size=4), st.dictionaries(names, anything), st.floats(), st.booleans())
def test_any_usage_gives_a_charge_that_can_be_stored(
    costs: list[Cost], usage: dict[str, Any], seconds: float, is_complete: bool
) -> None:
    amount = charge(costs, inputs={}, usage=usage, seconds=seconds, is_complete=is_complete, prices=PRICES)
    assert 0 <= amount <= MOST
    assert amount == amount.quantize(SMALLEST)


@given(cost, counts, counts)
def test_more_usage_never_costs_less(entry: Cost, one: int, more: int) -> None:
    def used(number: int) -> Decimal:
        usage = {"items": number, "bytes": number, "tokens": number, "usd": number}
        return charge([entry], inputs={}, usage=usage, seconds=number)

    assert used(one) <= used(one + more)


@given(st.lists(st.tuples(st.integers(0, 3), amounts), max_size=6), st.integers(0, 3))
def test_the_first_entry_that_fits_applies(entries: list[tuple[int, Decimal]], value: int) -> None:
    costs = [Cost(RUN, amount, when={"n": wanted}) for wanted, amount in entries]
    expected = next((amount for wanted, amount in entries if wanted == value), Decimal(0))
    assert charge(costs, inputs={"n": value}, usage={}) == expected


@given(st.lists(cost, max_size=4), st.dictionaries(names, counts), st.integers(0, 10**6))
def test_the_same_run_always_costs_the_same(costs: list[Cost], usage: dict[str, Any], seconds: int) -> None:
    one, other = (charge(costs, inputs={}, usage=dict(usage), seconds=seconds, prices=PRICES) for _ in range(2))
    assert one == other


@pytest.mark.parametrize(
    ("entry", "usage", "seconds", "expected"),
    [
        (Cost(RUN, "0.02"), {}, 9, "0.02"),
        (Cost(SECOND, "0.6", per=60), {}, 90, "0.9"),
        (Cost(BYTE, 1, per=1_000_000), {"bytes": 250_000}, 0, "0.25"),
        (Cost(ITEM, "0.001"), {"items": 12}, 0, "0.012"),
        (Cost(TOKEN, 3, per=1_000_000), {"input_tokens": 900, "output_tokens": 100}, 0, "0.003"),
        (Cost(TOKEN, 3, per=1_000_000), {"tokens": 500, "input_tokens": 900}, 0, "0.0015"),
        (Cost(USD, "1.1"), {"usd": 0.5, "model": "large"}, 0, "0.55"),
        (Cost(USD, 1), {"model": "large", "input_tokens": 1000, "output_tokens": 500}, 0, "0.006"),
        (Cost(USD, 1), {"model": "nobody-knows", "input_tokens": 1000}, 0, "0"),
    ],
)
def test_units(entry: Cost, usage: dict[str, Any], seconds: float, expected: str) -> None:
    assert cents(entry, usage=usage, seconds=seconds) == Decimal(expected)


def test_when_names_one_value_or_several() -> None:
    costs = [Cost(RUN, 1, when={"size": ("s", "m")}), Cost(RUN, 2, when={"size": "l", "fast": True}), Cost(RUN, 4)]
    assert [cents(*costs, size=size) for size in ("s", "m", "l", "xl")] == [1, 1, 4, 4]
    assert cents(*costs, size="l", fast=True) == 2


def test_only_a_run_asks_for_success() -> None:
    def failed(*costs: Cost) -> Decimal:
        return charge(costs, inputs={}, usage={"tokens": 5}, is_complete=False)

    assert (failed(Cost(RUN, 1)), failed(Cost(TOKEN, 1))) == (Decimal(0), Decimal(5))


def test_what_is_set_aside() -> None:
    assert reserve([Cost(RUN, 3, per=2)], inputs={}) == Decimal("1.5")
    assert reserve([Cost(TOKEN, 3)], inputs={}) == 0
    assert reserve([Cost(USD, 1, reserve="0.05")], inputs={}) == Decimal("0.05")
    assert reserve([Cost(RUN, 3, when={"a": 1})], inputs={}) == 0


@pytest.mark.parametrize("wrong", [{"amount": 0.1}, {"amount": "-1"}, {"amount": 1, "per": 0}])
def test_money_that_is_none_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises((TypeError, ValueError)):
        Cost(RUN, **wrong)


@pytest.mark.parametrize(
    "name", ["gpt-4o-mini", "gpt-4o-mini-2024-07-18", "openai/gpt-4o-mini", "openai/gpt-4o-mini-latest"]
)
def test_price_of_an_edition_and_of_a_provider(name: str) -> None:
    assert price_of(name, shipped_prices()) == Price(Decimal("0.15"), Decimal("0.6"))


def test_another_model_has_no_price_of_its_neighbour() -> None:
    assert price_of("gpt-4o-mini-tts", shipped_prices()) is None
    assert price_of("", shipped_prices()) is None
    assert price_of("gpt-4o-2024-05-13", shipped_prices()) == Price(Decimal(5), Decimal(15))
