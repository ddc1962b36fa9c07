"""News of a run that goes on: each tells all, not too often, and none after the end."""

from collections.abc import Callable
from typing import Any

import pytest

from executions import showing
from executions.showing import MAX_TEXT, Showing


class Clock:
    """A clock that stands still until somebody moves it, with what was put off."""

    def __init__(self) -> None:
        self.now = 100.0
        self.later: list[tuple[float, Callable[[], None]]] = []

    def put_off(self, seconds: float, act: Callable[[], None]) -> None:
        self.later.append((seconds, act))

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(showing, "time", made)
    return made


@pytest.fixture
def told() -> list[Any]:
    return []


@pytest.fixture
def shown(clock: Clock, told: list[Any]) -> Showing:
    return Showing(told.append, clock.put_off)


def text_of(told: list[Any]) -> list[str]:
    return [news["stream"]["text"] for news in told]


def test_chunks_that_come_fast_are_told_together(shown: Showing, clock: Clock, told: list[Any]) -> None:
    for chunk in "Hello":
        shown.stream("text", chunk)
    assert text_of(told) == ["H"]
    [(wait, act)] = clock.later
    assert 0 < wait <= showing.PACE_SECONDS
    act()
    assert text_of(told) == ["H", "Hello"]


def test_progress_and_text_do_not_hide_each_other(shown: Showing, clock: Clock, told: list[Any]) -> None:
    shown.stream("text", "Hello")
    clock.now += 1
    shown.progress(0.5, "half")
    assert told[-1] == {"progress": 0.5, "text": "half", "stream": {"port": "text", "text": "Hello", "cut": False}}


def test_of_a_long_text_the_newest_part_is_told(shown: Showing, clock: Clock, told: list[Any]) -> None:
    shown.stream("text", "a" * MAX_TEXT)
    clock.now += 1
    shown.stream("text", "end")
    assert told[-1]["stream"]["cut"]
    assert len(told[-1]["stream"]["text"]) == MAX_TEXT
    assert told[-1]["stream"]["text"].endswith("aend")


def test_another_port_begins_a_text_of_its_own(shown: Showing, clock: Clock, told: list[Any]) -> None:
    shown.stream("thought", "hm")
    clock.now += 1
    shown.stream("text", "Hello")
    assert told[-1]["stream"] == {"port": "text", "text": "Hello", "cut": False}


def test_nothing_is_told_after_the_end(shown: Showing, clock: Clock, told: list[Any]) -> None:
    shown.stream("text", "a")
    shown.stream("text", "b")
    shown.end()
    clock.later[0][1]()
    assert text_of(told) == ["a"]


def test_halves_of_characters_are_no_reason_to_fail(shown: Showing, told: list[Any]) -> None:
    shown.stream("text", "\ud83d")
    assert text_of(told) == ["?"]


def test_without_a_clock_the_rest_comes_with_the_next_news(clock: Clock, told: list[Any]) -> None:
    shown = Showing(told.append, None)
    shown.stream("text", "a")
    shown.stream("text", "b")
    clock.now += 1
    shown.stream("text", "c")
    assert text_of(told) == ["a", "abc"]


def test_what_must_be_hidden_is_hidden_although_it_comes_in_parts(clock: Clock, told: list[Any]) -> None:
    shown = Showing(told.append, None, lambda text: text.replace("secret", "•••"))
    shown.stream("text", "a sec")
    clock.now += 1
    shown.stream("text", "ret")
    assert text_of(told)[-1] == "a •••"
