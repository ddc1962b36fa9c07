"""What a node execution that has ended costs: from its block's `costs`, its input, its usage and its time."""

from collections.abc import Mapping
from typing import Any

from blocks.base import BlockError, read_input
from blocks.costs import USD, charge, provider_usd
from blocks.prices import Prices
from executions.engine.commands import Run
from executions.engine.inputs import InputError, assemble
from executions.engine.plan import NodePlan
from executions.engine.status import Status
from executions.ledger import ChargeRow, NodeRow

#: Seconds of work, in the usage of a run that is paid for.
SECONDS = "seconds"


def charge_row(node: NodePlan, run: Run, row: NodeRow, prices: Prices, *, owner: int, graph: int) -> ChargeRow:
    """The charge of a run that is over; what a provider takes becomes part of its usage."""
    costs = node.block.costs
    if "usd" not in row.usage and any(cost.unit is USD for cost in costs):
        taken = provider_usd(row.usage, prices)
        if taken is not None:
            row.usage = {**row.usage, "usd": float(taken)}
    seconds = float(row.usage.get(SECONDS, 0.0))
    amount = charge(
        costs,
        inputs=inputs_of(node, run),
        usage=row.usage,
        seconds=seconds,
        is_complete=row.status is Status.COMPLETED,
        prices=prices,
    )
    return ChargeRow(row.id, owner, graph, row.node, row.block, amount, seconds, row.usage)


def inputs_of(node: NodePlan, run: Run) -> Mapping[str, Any]:
    """What `when` looks at: the input as the block reads it; one that it refuses, as it came."""
    try:
        values = assemble(node, run.arrivals)
    except InputError:
        return {}
    try:
        return dict(read_input(node.block, values))
    except BlockError:
        return values
