"""What a run has used: amounts are summed up over its attempts, words are those of the last."""

from collections.abc import Mapping
from math import isfinite
from typing import Any

from executions.texts import plain

AMOUNTS = ("input_tokens", "output_tokens", "tokens", "items", "bytes", "usd")
WORDS = ("model", "provider")
MAX_WORDS = 200

Usage = dict[str, Any]


def added(usage: Mapping[str, Any], more: Mapping[str, Any]) -> Usage:
    """The usage with more of it; amounts of nothing and empty words leave no trace.

    Raises:
        ValueError: an amount is no number, not finite, or negative.
    """
    found = dict(usage)
    for name in AMOUNTS:
        if amount := _amount(name, more.get(name, 0)):
            found[name] = found.get(name, 0) + amount
    for name in WORDS:
        if words := more.get(name):
            found[name] = plain(words, MAX_WORDS)
    return found


def _amount(name: str, amount: object) -> int | float:
    if isinstance(amount, bool) or not isinstance(amount, int | float) or not isfinite(amount) or amount < 0:
        raise ValueError(f"{name} is an amount, not {amount!r}")
    return amount
