"""Attempts that a worker cut short, told from those that failed."""

import pytest

from executions.waited import interrupted


def retried(failures: int, *, is_open: bool = False) -> dict[str, dict[str, object]]:
    wait: dict[str, object] = {"for": "retry", "until": "2026-01-01T00:00:00+00:00", "failures": failures}
    return {"retry": wait if is_open else {**wait, "done": True}}


@pytest.mark.parametrize(
    ("attempt", "waits", "expected"),
    [
        (1, {}, 0),
        (2, {}, 1),
        (3, retried(2), 0),
        (4, retried(2), 1),
        (1, retried(1, is_open=True), 0),
        (2, retried(1, is_open=True), 1),
        (3, {"timer 1": {"for": "timer", "done": True}}, 2),
    ],
)
def test_attempts_that_did_not_fail_were_interrupted(
    attempt: int, waits: dict[str, dict[str, object]], expected: int
) -> None:
    assert interrupted(attempt, waits) == expected
