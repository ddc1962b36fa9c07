"""Whom the watchdog blames when the lease could not be renewed."""

import asyncio
import time
from types import SimpleNamespace

import pytest

from executions.ids import uuid7
from executions.watchdog import LOOK_SECONDS, Watchdog


class Clock:
    """Time, and how much of it the process has worked."""

    def __init__(self) -> None:
        self.now = self.worked = 0.0

    def pass_by(self, seconds: float, *, working: float = 0.0) -> None:
        self.now += seconds
        self.worked += working


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(time, "monotonic", lambda: clock.now)
    monkeypatch.setattr(time, "process_time", lambda: clock.worked)
    return clock


@pytest.fixture
def dog(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Watchdog:
    """It has just asked a loop that a step keeps from answering."""
    step = SimpleNamespace(get_name=lambda: "step")
    monkeypatch.setattr(asyncio, "current_task", lambda loop: step)
    silent = SimpleNamespace(call_soon_threadsafe=lambda answer: None)
    dog = Watchdog(uuid7(), SimpleNamespace(), silent)  # type: ignore[arg-type]  # all that it uses of them
    dog._look_at_loop()
    return dog


def test_step_that_holds_the_loop_is_seen_at_it(dog: Watchdog, clock: Clock) -> None:
    for _ in range(8):
        clock.pass_by(LOOK_SECONDS)
        dog._look_at_loop()
    assert dog._culprit == "step"
    assert dog._held_seconds == pytest.approx(8 * LOOK_SECONDS)


def test_nobody_is_to_blame_for_a_pause_of_the_whole_process(dog: Watchdog, clock: Clock) -> None:
    clock.pass_by(60, working=0.01)
    dog._look_at_loop()
    assert dog._held_seconds <= 0.01


def test_step_that_keeps_the_watchdog_from_looking_is_seen_by_its_work(dog: Watchdog, clock: Clock) -> None:
    clock.pass_by(60, working=59)
    dog._look_at_loop()
    assert dog._held_seconds == pytest.approx(59)


def test_watchdog_begins_anew_when_the_loop_answers(dog: Watchdog, clock: Clock) -> None:
    clock.pass_by(LOOK_SECONDS)
    dog._look_at_loop()
    dog._answer()
    dog._look_at_loop()
    assert (dog._culprit, dog._held_seconds) == ("", 0.0)
