"""What may be spent: executions ask, and whoever manages money answers (`agentflow.costs`). Without an answer, anything."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Protocol
from uuid import UUID

from blocks.prices import Prices
from executions.ledger import ChargeRow


@dataclass(frozen=True, slots=True)
class Wanted:
    """A step that is about to cost something."""

    node_execution: UUID
    execution: UUID
    graph: int
    owner: int
    #: To set aside.
    amount: Decimal


class Funds(Protocol):
    """Who manages money. The coroutines are given a connection of psycopg inside a transaction."""

    def why_no_start(self, *, graph: int, owner: int) -> str:
        """Why no run that costs something may start, as a sentence; empty: it may."""

    async def reserve(self, connection: Any, wanted: Wanted) -> str:
        """Why the step may not run, as a sentence; empty: it may, and its amount is set aside, once for each step."""

    async def settle(self, connection: Any, charges: Sequence[ChargeRow]) -> None:
        """Steps are over: take what they cost, each once, and free what was set aside for them."""

    async def prices(self, connection: Any) -> Prices:
        """What models cost now."""


#: Of this process; None: nobody asks for money.
current: Funds | None = None


def register(funds: Funds) -> None:
    """From now on these are asked."""
    global current
    current = funds
