"""Workers share the database's clock, whatever their own says."""

import time
from datetime import UTC, datetime, timedelta

import pytest

from executions.clock import DatabaseClock


def test_first_look_moves_the_clock_to_the_database() -> None:
    clock = DatabaseClock()
    an_hour_on = datetime.now(UTC) + timedelta(hours=1)
    asked_at = time.monotonic()
    clock.learn(an_hour_on, asked_at=asked_at, answered_at=asked_at)
    assert abs((clock.now() - an_hour_on).total_seconds()) < 1


def test_own_clock_does_not_matter_after_a_look(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = DatabaseClock()
    before = clock.now()
    monkeypatch.setattr(time, "time", lambda: 0.0)
    assert abs((clock.now() - before).total_seconds()) < 1


def test_slow_answer_that_agrees_changes_nothing() -> None:
    clock = DatabaseClock()
    reading = time.monotonic()
    clock.learn(datetime(2030, 1, 1, tzinfo=UTC), asked_at=reading, answered_at=reading)
    offset = clock._offset
    clock.learn(datetime(2030, 1, 1, 0, 0, 3, tzinfo=UTC), asked_at=reading, answered_at=reading + 5)
    assert clock._offset == offset


def test_slow_answer_that_disagrees_changes_no_more_than_it_proves() -> None:
    clock = DatabaseClock()
    reading = time.monotonic()
    clock.learn(datetime(2030, 1, 1, tzinfo=UTC), asked_at=reading, answered_at=reading)
    offset = clock._offset
    clock.learn(datetime(2030, 1, 1, 0, 0, 8, tzinfo=UTC), asked_at=reading, answered_at=reading + 5)
    assert clock._offset - offset == pytest.approx(3, abs=1e-3)
