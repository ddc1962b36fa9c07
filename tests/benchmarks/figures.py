"""One figure of a table."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the table; `value` is in `unit`, and `goal` the most, or with `is_rate` the least, that it may be."""

    name: str
    value: float
    unit: str = "s"
    goal: float | None = None
    is_rate: bool = False
    #: What the peers do the same work in, by their names here: a method of theirs and its arguments.
    peer: tuple[str, tuple[int, ...]] | None = None
    note: str = ""
