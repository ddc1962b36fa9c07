"""Usage as CSV, a day at a time, safe to open in a spreadsheet."""

import csv
from collections.abc import AsyncIterator, Iterator, Sequence
from io import StringIO
from typing import Any

from asgiref.sync import sync_to_async

from agentflow.costs.usage import Asked, Used, each_day

HEADS = (
    *("day", "graph id", "graph", "node", "block", "person"),
    *("runs", "seconds", "tokens", "input tokens", "output tokens", "cost in USD"),
)
#: Spreadsheets take what begins so for a formula. Source: OWASP, "CSV Injection".
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


async def csv_of(asked: Asked) -> AsyncIterator[str]:
    """The text of the file in parts; whoever reads slowly holds one day in memory."""
    yield _lines([HEADS])
    days: Iterator[list[Used]] = each_day(asked)
    one_more = sync_to_async(lambda: next(days, None))
    while (rows := await one_more()) is not None:
        if rows:
            yield _lines(map(_cells, rows))


def harmless(text: str) -> str:
    """The text, with an apostrophe before what a spreadsheet would compute."""
    return f"'{text}" if text.startswith(FORMULA) else text


def _cells(row: Used) -> Sequence[Any]:
    group = row.group
    names = (group["graph"] or "", group["node"], group["block"], group["owner"] or "")
    return (
        *(group["day"].isoformat(), group["graph_id"], *map(harmless, names)),
        *(row.runs, f"{row.seconds:.6f}", row.tokens, row.input_tokens, row.output_tokens, f"{row.cost:.6f}"),
    )


def _lines(rows: Any) -> str:
    text = StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue()
