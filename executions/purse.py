"""A worker's way to the money of the runs that it hosts, and the prices of models as they were a moment ago."""

import time
from typing import Any

from blocks.costs import fitting, reserve
from blocks.prices import Prices, shipped_prices
from executions import funds
from executions.charging import inputs_of
from executions.engine.commands import Run
from executions.engine.plan import NodePlan
from executions.funds import Wanted
from executions.ledger import NodeRow
from executions.store import Claim, Store

#: A price that somebody has changed counts for steps that begin so much later.
PRICES_SECONDS = 10.0


class Purse:
    """Asked before each step of a block that costs something."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.prices: Prices = shipped_prices()
        self._read_at = -PRICES_SECONDS

    async def reserve(self, claim: Claim, node: NodePlan, run: Run, row: NodeRow) -> str:
        """Why the step may not run; empty: it may, and what it will cost at least is set aside."""
        manager = funds.current
        inputs = inputs_of(node, run)
        if manager is None or fitting(node.block.costs, inputs) is None:
            return ""
        amount = reserve(node.block.costs, inputs=inputs)
        wanted = Wanted(row.id, claim.id, claim.graph, claim.user_id, amount)

        async def act(connection: Any) -> str:
            if time.monotonic() - self._read_at > PRICES_SECONDS:
                self.prices, self._read_at = await manager.prices(connection), time.monotonic()
            return await manager.reserve(connection, wanted)

        return await self._store.transact(act)
