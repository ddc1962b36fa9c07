"""What a run of a block costs, in US dollars: a block's `costs`, and the pure function that computes a charge from them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import ROUND_HALF_EVEN, Decimal
from enum import StrEnum
from typing import Any

from blocks.prices import Prices, price_of

#: What is charged is a multiple of this.
SMALLEST = Decimal("0.000001")
#: No run is charged more, whatever a block says of its usage.
MOST = Decimal("99999999.999999")
#: Larger amounts of usage than any run can have are taken for mistakes and count as this much.
MOST_UNITS = Decimal(10) ** 15


class CostUnit(StrEnum):
    """What is paid for."""

    #: A run that completed.
    RUN = "run"
    #: A second of work, without waits.
    SECOND = "second"
    #: A byte, an item, a token that the block has said it used (`context.usage`).
    BYTE = "byte"
    ITEM = "item"
    TOKEN = "token"  # noqa: S105 - of a language model
    #: A dollar that a provider takes: what the block says, else what its tokens cost by the price of its model.
    USD = "usd"


RUN, SECOND, BYTE, ITEM, TOKEN, USD = CostUnit


@dataclass(frozen=True, slots=True)
class Cost:
    """`amount` dollars for each `per` units, begun ones in part: `Cost(TOKEN, "0.5", per=1_000_000)`.

    With `when` only for runs whose inputs have these values: `{"model": "small"}`, or one of several: `{"model":
    ("small", "tiny")}`.
    """

    unit: CostUnit
    amount: Decimal | str | int
    per: int = 1
    when: Mapping[str, Any] = field(default_factory=dict)
    #: Dollars set aside before the run, where there is a limit; None: of a RUN its amount, else nothing.
    reserve: Decimal | str | None = None

    def __post_init__(self) -> None:
        if isinstance(self.amount, float) or isinstance(self.reserve, float):
            raise TypeError('Money is no float: write Cost(RUN, "0.01").')
        if self.per <= 0 or Decimal(self.amount) < 0 or Decimal(self.reserve or 0) < 0:
            raise ValueError("A cost is not negative, and for at least one unit.")

    def fits(self, inputs: Mapping[str, Any]) -> bool:
        """The inputs have the values of `when`."""
        return all(name in inputs and _is_or_is_in(inputs[name], wanted) for name, wanted in self.when.items())


def charge(
    costs: Sequence[Cost],
    *,
    inputs: Mapping[str, Any],
    usage: Mapping[str, Any],
    seconds: float = 0.0,
    is_complete: bool = True,
    prices: Prices | None = None,
) -> Decimal:
    """The dollars that a run costs by the first entry that fits its inputs; 0 if none does.

    A run that did not complete costs what it has used; only RUN asks for its success.
    """
    cost = fitting(costs, inputs)
    if cost is None:
        return Decimal(0)
    units = _units(cost.unit, usage, seconds, prices or {}, is_complete=is_complete)
    return money(units * Decimal(cost.amount) / cost.per)


def reserve(costs: Sequence[Cost], *, inputs: Mapping[str, Any]) -> Decimal:
    """The dollars to set aside before the run."""
    cost = fitting(costs, inputs)
    if cost is None:
        return Decimal(0)
    if cost.reserve is not None:
        return money(Decimal(cost.reserve))
    return money(Decimal(cost.amount) / cost.per) if cost.unit is RUN else Decimal(0)


def provider_usd(usage: Mapping[str, Any], prices: Prices) -> Decimal | None:
    """What a provider takes: what the block says, else the price of the tokens; None: nobody knows."""
    if "usd" in usage:
        return _number(usage, "usd")
    price = price_of(str(usage.get("model", "")), prices)
    if price is None:
        return None
    spent = _number(usage, "input_tokens") * price.input + _number(usage, "output_tokens") * price.output
    return spent / 1_000_000


def tokens_of(usage: Mapping[str, Any]) -> Decimal:
    """All tokens of a run."""
    if "tokens" in usage:
        return _number(usage, "tokens")
    return _number(usage, "input_tokens") + _number(usage, "output_tokens")


def money(value: Decimal) -> Decimal:
    """As it is stored; halves go to the even neighbour, so that many charges err in both directions."""
    return min(value, MOST).quantize(SMALLEST, rounding=ROUND_HALF_EVEN)


def fitting(costs: Sequence[Cost], inputs: Mapping[str, Any]) -> Cost | None:
    """The entry that applies; None: the run is free."""
    return next((cost for cost in costs if cost.fits(inputs)), None)


def _units(unit: CostUnit, usage: Mapping[str, Any], seconds: float, prices: Prices, *, is_complete: bool) -> Decimal:
    match unit:
        case CostUnit.RUN:
            return Decimal(is_complete)
        case CostUnit.SECOND:
            return _number({"seconds": seconds}, "seconds")
        case CostUnit.BYTE:
            return _number(usage, "bytes")
        case CostUnit.ITEM:
            return _number(usage, "items")
        case CostUnit.TOKEN:
            return tokens_of(usage)
        case CostUnit.USD:
            return provider_usd(usage, prices) or Decimal(0)


def _number(usage: Mapping[str, Any], name: str) -> Decimal:
    """A count that a block gave, whatever it gave: none is negative, endless, or no number at all."""
    value = usage.get(name, 0)
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return Decimal(0)
    number = Decimal(str(value)) if isinstance(value, float) else Decimal(value)
    return min(max(number, Decimal(0)), MOST_UNITS) if number.is_finite() else Decimal(0)


def _is_or_is_in(value: Any, wanted: Any) -> bool:
    if isinstance(wanted, Collection) and not isinstance(wanted, str | bytes | Mapping):
        return any(value == each for each in wanted)
    return bool(value == wanted)
