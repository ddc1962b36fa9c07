"""What page, export and API read from the address: which days, which graph, which block, grouped by what."""

from collections.abc import Mapping
from datetime import date, timedelta

from django.contrib.auth.models import User

from agentflow.costs.usage import LONGEST_DAYS, Asked, today
from agentflow.graphs.permissions import LARGEST_ID
from agentflow.graphs.reading import text_problem

DAYS = 30
MAX_BLOCK = 100


class Unreadable(Exception):
    """A parameter is not what it must be: `name`, `detail`."""

    def __init__(self, name: str, detail: str) -> None:
        super().__init__(detail)
        self.name = name
        self.detail = detail


def asked_for(user: User, given: Mapping[str, str]) -> Asked:
    """`from` and `to` are days (UTC), both included; without them the last thirty, or `days` of them.

    Raises:
        Unreadable: one of them is no day, or they are too far apart.
    """
    last = _day(given, "to") or today()
    days = _number(given, "days", largest=LONGEST_DAYS) or DAYS
    first = _day(given, "from") or max(last, date.min + timedelta(days=days)) - timedelta(days=days - 1)
    if first > last:
        raise Unreadable("from", "Must not be after `to`.")
    if (last - first).days >= LONGEST_DAYS:
        raise Unreadable("from", f"At most {LONGEST_DAYS} days at once.")
    block = given.get("block", "")
    if problem := text_problem(block, MAX_BLOCK):
        raise Unreadable("block", problem)
    return Asked(user, first, last, _number(given, "graph", largest=LARGEST_ID), block)


def _day(given: Mapping[str, str], name: str) -> date | None:
    text = given.get(name, "")
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise Unreadable(name, "Must be a day such as 2026-11-30.") from None


def _number(given: Mapping[str, str], name: str, *, largest: int) -> int | None:
    text = given.get(name, "")
    if not text:
        return None
    if not (text.isascii() and text.isdigit()) or len(text) > 19 or not 0 < int(text) <= largest:
        raise Unreadable(name, f"Must be a whole number from 1 to {largest:,}.")
    return int(text)
