"""Filters of templates: Jinja's harmless ones, and ours in the place of those that could make much out of little."""

import html
from collections.abc import Callable, Iterable, Mapping
from functools import wraps
from typing import Any

from jinja2 import Environment, Undefined, pass_environment

from blocks.decimals import JsonNumber, rounded, total
from blocks.template_limits import (
    Refused,
    as_json,
    counted,
    given,
    joined,
    pay,
    pay_deeply,
    refuse_long,
    rounds,
    weighed,
    written,
)
from blocks.values import is_number, show

MAX_WIDTH = 1_000
MAX_DECIMALS = 20


def words(text: str) -> frozenset[str]:
    """The words of a text, as a set."""
    return frozenset(text.split())


#: Jinja's own filters that are useful on JSON values and give nothing larger than what goes in …
_CHEAP = words("count d default first last length")
_LINEAR = words(
    "abs batch capitalize filesizeformat float int items list lower map reject rejectattr reverse select selectattr "
    "string striptags title trim truncate upper urlencode wordcount"
)
#: … and those that compare members with each other.
_COMPARING = words("dictsort groupby max min sort unique")
_COMPARING_TESTS = words("!= < <= == > >= eq equalto ge greaterthan gt in le lessthan lt ne")


def filters(jinja: Mapping[str, Callable[..., Any]]) -> dict[str, Callable[..., Any]]:
    """Every filter of a template, out of Jinja's; `counted`, `concat` and `weighed` are put in by the compiler."""
    return {
        "counted": counted,
        "concat": joined,
        "weighed": weighed,
        **{name: jinja[name] for name in _CHEAP},
        **{name: _priced(jinja[name], pay) for name in _LINEAR},
        **{name: _priced(jinja[name], pay_deeply) for name in _COMPARING},
        **{name: _priced(function, pay) for name, function in _OWN.items()},
    }


def tests(jinja: Mapping[str, Callable[..., Any]]) -> dict[str, Callable[..., Any]]:
    """Every test of a template, out of Jinja's."""
    return {**jinja, **{name: _priced(jinja[name], pay_deeply) for name in _COMPARING_TESTS}}


def _priced(function: Callable[..., Any], price: Callable[..., None]) -> Callable[..., Any]:
    """The function, paying for what goes in and what comes out."""

    @wraps(function)
    def priced(*args: Any, **kwargs: Any) -> Any:
        price(*args, *kwargs.values())
        return given(function(*args, **kwargs))

    return priced


def shown(value: Any) -> str:
    """The value for a message; what is no JSON value as three dots."""
    return show(value, 30) if value is None or isinstance(value, bool | int | float | str | list | dict) else "…"


def _indent(text: Any, width: int = 4, first: bool = False) -> str:  # noqa: FBT001, FBT002 - as templates call it
    pad = " " * _width(width)
    lines = written(text).splitlines(keepends=True)
    refuse_long(len(pad) * len(lines) + sum(map(len, lines)))
    return "".join(pad + line if (first or number) and line.strip() else line for number, line in enumerate(lines))


@pass_environment
def _join(environment: Environment, items: Iterable[Any], separator: str = "", attribute: str | None = None) -> str:
    return joined(_members(environment, items, attribute), separator)


def _number(value: Any, decimals: int = 2) -> str:
    """A number with grouped thousands: `{{ total | number }}` is 1,234.50."""
    places = _decimals(decimals)
    return f"{rounded(_as_number(value), places):,.{places}f}"


def _replace(text: Any, old: str, new: str) -> str:
    source = written(text)
    refuse_long(len(source) + (source.count(old) if old else len(source) + 1) * len(new))
    return source.replace(old, new)


def _round(value: Any, decimals: int = 0) -> JsonNumber:
    return rounded(_as_number(value), _decimals(decimals))


@pass_environment
def _sum(environment: Environment, items: Iterable[Any], attribute: str | None = None) -> JsonNumber:
    """Sum of numbers, exact as decimals; of one member of each item with `attribute`."""
    return total(_as_number(member) for member in rounds(_members(environment, items, attribute)))


def _members(environment: Environment, items: Iterable[Any], attribute: str | None) -> Iterable[Any]:
    return items if attribute is None else (environment.getitem(item, attribute) for item in items)


def _as_number(value: Any) -> JsonNumber:
    if isinstance(value, Undefined):
        str(value)  # raises, naming what does not exist
    if not is_number(value):
        raise Refused(f"{shown(value)} is not a number")
    number: JsonNumber = value
    return number


def _decimals(decimals: int) -> int:
    if not is_number(decimals) or not 0 <= decimals <= MAX_DECIMALS:
        raise Refused(f"decimals must be a whole number from 0 to {MAX_DECIMALS}")
    return int(decimals)


def _width(width: int) -> int:
    if not is_number(width) or not 0 <= width <= MAX_WIDTH:
        raise Refused(f"a width must be a whole number up to {MAX_WIDTH:,}")
    return int(width)


_OWN: Mapping[str, Callable[..., Any]] = {
    "center": lambda text, width=80: written(text).center(_width(width)),
    "e": lambda value: html.escape(written(value)),
    "escape": lambda value: html.escape(written(value)),
    "indent": _indent,
    "join": _join,
    "ljust": lambda text, width: written(text).ljust(_width(width)),
    "number": _number,
    "replace": _replace,
    "rjust": lambda text, width: written(text).rjust(_width(width)),
    "round": _round,
    "sum": _sum,
    "tojson": lambda value, indent=None: as_json(value, pretty=bool(indent)),
}
