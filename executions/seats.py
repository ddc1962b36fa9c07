"""How many live connections a user may hold in this process."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

MOST_SEATS = 100

_taken: Counter[int] = Counter()


class Full(Exception):
    """This user has too many live connections open."""


def is_full(user_id: int) -> bool:
    """Whether the user can open no further one."""
    return _taken.get(user_id, 0) >= MOST_SEATS


def taken() -> int:
    """How many live connections there are."""
    return sum(_taken.values())


@contextmanager
def seat(user_id: int) -> Iterator[None]:
    """Count one connection while it lasts; raises Full."""
    if is_full(user_id):
        raise Full
    _taken[user_id] += 1
    try:
        yield
    finally:
        _taken[user_id] -= 1
        if not _taken[user_id]:
            del _taken[user_id]
