"""Wait for an event without guessing how long it takes."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

POLL_SECONDS = 0.01


def until(question: Callable[[], T], *, seconds: float = 20.0) -> T:
    """The first truthy answer; an AssertionError with the last answer when there is none in time."""
    deadline = time.monotonic() + seconds
    while True:
        answer = question()
        if answer:
            return answer
        assert time.monotonic() < deadline, f"still {answer!r} after {seconds:g} s"
        time.sleep(POLL_SECONDS)
