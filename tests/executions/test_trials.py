"""Suspects are tried a few at a time, and the most suspicious alone."""

from typing import Any, cast
from uuid import UUID, uuid4

import pytest

from executions.trials import ROOM, Suspect, Trials


@pytest.fixture
def trials() -> Trials:
    return Trials(cast(Any, None))


def suspects(*losses: int) -> list[Suspect]:
    return [Suspect(uuid4(), each) for each in losses]


def hosted(trials: Trials, found: list[Suspect]) -> list[UUID]:
    """All that were admitted are claimed."""
    trials.choose(found, ())
    ids = list(trials.admitted)
    trials.claimed(ids)
    return ids


def test_new_suspects_are_tried_together(trials: Trials) -> None:
    found = suspects(*[3] * (ROOM + 5))
    assert hosted(trials, found) == [each.id for each in found[:ROOM]]


def test_most_suspicious_are_tried_alone(trials: Trials) -> None:
    first, second = found = suspects(6, 6)
    assert hosted(trials, found) == [first.id]
    trials.choose([second], [first.id])
    assert trials.admitted == {}
    trials.choose([second], [])  # the first is over
    assert trials.admitted == {second.id: 6}


def test_nobody_is_put_beside_one_that_is_tried_alone(trials: Trials) -> None:
    (alone,) = hosted(trials, suspects(7))
    trials.choose(suspects(3), [alone])
    assert trials.admitted == {}


def test_survivor_makes_room(trials: Trials, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("executions.trials.TRIAL_SECONDS", 0)
    (alone,) = hosted(trials, suspects(7))
    trials.choose(found := suspects(3), [alone])
    assert list(trials.admitted) == [each.id for each in found]
