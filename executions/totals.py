"""What all workers have counted, also those that are gone: stored by each with its lease, added up when it is read.

Whoever ends an execution without hosting it adds a row of its own (`ending`). The sweeper adds rows that belong to no
living worker to one row, in one transaction, so that the sum of all rows never falls.
"""

from collections.abc import Iterable
from itertools import zip_longest
from typing import Any
from uuid import UUID

import orjson

from executions.gauges import Counts, Gauges

#: The row of all who are gone.
REST = UUID(int=0)

#: Only who still holds a lease: the counts of others may have been added to the rest.
SAVE = """
    INSERT INTO executions_totals (id, counts, recent)
    SELECT id, %s::jsonb, %s::jsonb FROM executions_worker
    WHERE id = %s AND stopped_at IS NULL AND expires_at > clock_timestamp()
    ON CONFLICT (id) DO UPDATE SET counts = EXCLUDED.counts, recent = EXCLUDED.recent
"""
#: A lease is over for long enough that nothing of its worker is under way any more.
GONE = """
    DELETE FROM executions_totals t WHERE t.id <> %s AND NOT EXISTS (
        SELECT 1 FROM executions_worker w
        WHERE w.id = t.id AND w.expires_at > clock_timestamp() - make_interval(secs => 60)
    ) RETURNING t.counts
"""
KEPT = "SELECT counts FROM executions_totals WHERE id = %s FOR UPDATE"
KEEP = """
    INSERT INTO executions_totals (id, counts) VALUES (%s, %s::jsonb)
    ON CONFLICT (id) DO UPDATE SET counts = EXCLUDED.counts
"""


def saving(gauges: Gauges, worker: UUID) -> tuple[str, str, UUID]:
    """Parameters of SAVE."""
    return orjson.dumps(gauges.counts()).decode(), orjson.dumps(gauges.recent()).decode(), worker


async def fold(connection: Any) -> None:
    """Add what nobody living has counted to the rest; inside the sweeper's transaction, of which there is one."""
    gone = await (await connection.execute(GONE, (REST,))).fetchall()
    if gone:
        kept = await (await connection.execute(KEPT, (REST,))).fetchall()
        total = added(counts for (counts,) in [*kept, *gone])
        await connection.execute(KEEP, (REST, orjson.dumps(total).decode()))


def added(counts: Iterable[Counts]) -> dict[str, dict[str, Any]]:
    """The sum: numbers by metric and labels, histograms place by place."""
    total: dict[str, dict[str, Any]] = {}
    for each in counts:
        for metric, values in each.items():
            sums = total.setdefault(metric, {})
            for labels, value in values.items():
                sums[labels] = _sum(sums[labels], value) if labels in sums else value
    return total


def _sum(one: Any, other: Any) -> Any:
    if isinstance(one, list):
        return [a + b for a, b in zip_longest(one, other, fillvalue=0)]
    return one + other
