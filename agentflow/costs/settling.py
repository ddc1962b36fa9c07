"""How a charge is taken from what is there: pure arithmetic on balances and what is set aside."""

from dataclasses import dataclass
from decimal import Decimal

ZERO = Decimal(0)


@dataclass(slots=True)
class Purse:
    """A balance, of which a part is set aside; neither is ever negative, nor the part larger than the whole."""

    balance: Decimal
    reserved: Decimal = ZERO

    @property
    def free(self) -> Decimal:
        """What may still be set aside."""
        return self.balance - self.reserved

    def can_reserve(self, amount: Decimal) -> bool:
        """There is something, and enough."""
        return self.free > 0 and self.free >= amount

    def settle(self, amount: Decimal, reserved: Decimal) -> Decimal:
        """Take the amount, for which so much was set aside; how much was taken.

        What others have set aside is theirs: a step that costs more than was reserved for it gets at most what is free.
        """
        self.reserved -= reserved
        taken = min(amount, self.free)
        self.balance -= taken
        return taken


def period_start_sql(alias: str) -> str:
    """The first day of the period of a budget that contains now."""
    return f"date_trunc({alias}.span, clock_timestamp() AT TIME ZONE 'UTC')::date"
