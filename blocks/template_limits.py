"""What one rendering of a template may still do: steps, time, length of texts.

Values in a template can be shared a million times over (`x + x`, again and again), so what an operation costs is
measured along the references before it is done, and measuring stops as soon as it is too much.
"""

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from jinja2 import Undefined

from blocks.values import show, to_json

MAX_TEXT = 5_000_000
MAX_STEPS = 2_000_000
#: So many characters cost as much as one member of a list.
CHARACTERS_PER_STEP = 100


class Refused(Exception):
    """The template asks for too much or the wrong thing; the message is what a user reads."""


class OutOfTime(Exception):
    """The deadline passed."""


@dataclass(slots=True)
class _Budget:
    deadline: float
    steps: int = MAX_STEPS
    #: Characters written, those of macros and captured parts included.
    characters: int = 4 * MAX_TEXT


_budget: ContextVar[_Budget] = ContextVar("template_budget")


@contextmanager
def budget(seconds: float) -> Iterator[None]:
    """Everything inside shares one fresh budget."""
    token = _budget.set(_Budget(time.monotonic() + seconds))
    try:
        yield
    finally:
        _budget.reset(token)


def spend(steps: int = 1) -> None:
    """Pay for some steps; raises when there are none left or the time is over."""
    left = _budget.get()
    left.steps -= steps
    if left.steps < 0:
        raise Refused(f"it needs more than {MAX_STEPS:,} steps; loop over less")
    if time.monotonic() > left.deadline:
        raise OutOfTime


def pay(*values: Any) -> None:
    """Pay for an operation that goes through these values once, not into their members."""
    spend(1 + sum(_length(value) for value in values))


def pay_deeply(*values: Any) -> None:
    """Pay for an operation that may compare or copy all that is in these values."""
    for value in values:
        nodes, characters = _measure(value, MAX_STEPS * CHARACTERS_PER_STEP)
        spend(nodes + characters // CHARACTERS_PER_STEP)


def given(result: Any) -> Any:
    """The result of an operation, paid for; refused when it is a text that is too long."""
    if isinstance(result, str):
        refuse_long(len(result))
    else:
        spend(_length(result))
    return result


def _length(value: Any) -> int:
    if isinstance(value, str):
        return len(value) // CHARACTERS_PER_STEP
    return len(value) if isinstance(value, list | tuple | dict) else 0


def _measure(value: Any, most: int) -> tuple[int, int]:
    """Values in the value, itself included, and characters in them; stops counting above `most`."""
    nodes = characters = 0
    stack = [value]
    while stack and nodes <= MAX_STEPS and characters <= most:
        item = stack.pop()
        nodes += 1
        if isinstance(item, str):
            characters += len(item)
        elif isinstance(item, dict):
            stack.extend(item.values())
            characters += sum(map(len, filter(_is_text, item)))
        elif isinstance(item, list | tuple):
            stack.extend(item)
    return nodes, characters


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def refuse_long(length: int) -> None:
    """Raise when a text would be longer than allowed."""
    if length > MAX_TEXT:
        raise Refused(f"it makes a text of more than {MAX_TEXT:,} characters")


def rounds(items: Iterable[Any]) -> Iterator[Any]:
    """The items, each of which costs a step."""
    for item in items:
        spend()
        yield item


class _Rounds:
    """The items of a `for` whose number is known: `loop.length` and `loop.last` work."""

    __slots__ = ("_items",)

    def __init__(self, items: Any) -> None:
        self._items = items

    def __len__(self) -> int:
        return len(self._items)

    def __iter__(self) -> Iterator[Any]:
        return rounds(self._items)


def counted(items: Any) -> Iterable[Any]:
    """What a `for` loops over."""
    if items is None or isinstance(items, bool | int | float):
        raise Refused(f"{show(items)} is no list to loop over")
    return _Rounds(items) if hasattr(items, "__len__") else rounds(items)


def weighed(value: Any) -> Any:
    """The value, paid for as a side of a comparison."""
    if not (value is None or isinstance(value, bool | int | float)):
        pay_deeply(value)
    return value


def written(value: Any) -> str:
    """How a value is written into the text: text as it is, everything else as JSON."""
    if isinstance(value, str):
        return value
    if isinstance(value, Undefined):
        return str(value)  # raises, naming what does not exist
    if value is None or isinstance(value, bool | int | float):
        return to_json(value)
    if isinstance(value, Iterable):
        return as_json(value if isinstance(value, list | dict) else [_listed(item) for item in rounds(value)])
    raise Refused("a function cannot be written; call it with ()")


def _listed(item: Any) -> Any:
    return list(item) if isinstance(item, tuple) else item


def as_json(value: Any, *, pretty: bool = False) -> str:
    """JSON text of a value, unless it would be too long."""
    nodes, characters = _measure(value, MAX_TEXT)
    refuse_long(nodes + characters)
    return to_json(value, pretty=pretty)


def put_out(value: Any) -> str:
    """The text of an expression that is written into the output, paid for."""
    text = written(value)
    spend()
    left = _budget.get()
    left.characters -= len(text)
    if left.characters < 0:
        refuse_long(MAX_TEXT + 1)
    return text


def joined(values: Iterable[Any], separator: str = "") -> str:
    """One text of many values; its length is checked while they come."""
    texts, length = [], 0
    for value in rounds(values):
        text = written(value)
        length += len(text) + len(separator)
        refuse_long(length)
        texts.append(text)
    spend(length // CHARACTERS_PER_STEP)
    return separator.join(texts)
