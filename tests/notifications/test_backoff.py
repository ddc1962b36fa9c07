"""How often failures are told, for every order of failures and successes."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from agentflow.notifications.backoff import FIRST_PAUSE, LONGEST_PAUSE, Streak, after_failure, after_success, pause
from agentflow.notifications.kinds import Kind

START = datetime(2026, 1, 1, tzinfo=UTC)
Told = list[tuple[datetime, Kind]]

#: Endings: how long after the one before, and whether it was good.
ENDINGS = st.lists(st.tuples(st.integers(0, 3 * 86_400), st.booleans()), max_size=60)
BUSY = st.lists(st.tuples(st.integers(0, 900), st.booleans()), max_size=200)


def told(endings: list[tuple[int, bool]]) -> Told:
    """What is told of these endings, and when, by a fake clock."""
    streak, at, found = Streak(), START, []
    for seconds, is_good in endings:
        at += timedelta(seconds=seconds)
        streak, kind = after_success(streak) if is_good else after_failure(streak, at)
        if kind is not None:
            found.append((at, kind))
    return found


def failures(endings: list[tuple[int, bool]]) -> list[datetime]:
    return [at for at, kind in told(endings) if kind is not Kind.RECOVERED]


def test_the_first_failure_is_told_at_once() -> None:
    assert told([(0, False)]) == [(START, Kind.FAILED)]


def test_a_graph_that_fails_every_minute_is_told_less_and_less() -> None:
    minutes = [int((at - START).total_seconds() // 60) for at in failures([(60, False)] * 24 * 60)]
    assert minutes == [1, 11, 31, 71, 151, 311, 631, 1271]


def test_a_graph_that_fails_once_a_day_is_told_each_time() -> None:
    assert len(failures([(86_400, False)] * 10)) == 10


@given(ENDINGS | BUSY)
def test_two_words_of_failures_are_never_closer_than_ten_minutes(endings: list[tuple[int, bool]]) -> None:
    moments = failures(endings)
    assert all(later - sooner >= FIRST_PAUSE for sooner, later in pairwise(moments))


@given(BUSY)
def test_however_many_runs_fail_only_few_words_are_said(endings: list[tuple[int, bool]]) -> None:
    words, level, left = len(failures(endings)), 1, sum(seconds for seconds, _ in endings)
    while words > level and left >= 0:
        left -= int(pause(level).total_seconds())
        level += 1
    assert words <= level


@given(ENDINGS | BUSY)
def test_recovery_is_told_once_for_each_told_failure_streak(endings: list[tuple[int, bool]]) -> None:
    is_open = False
    for _, kind in told(endings):
        assert kind is not Kind.RECOVERED or is_open
        is_open = kind is not Kind.RECOVERED


@given(ENDINGS)
def test_a_failure_after_a_quiet_day_is_told(endings: list[tuple[int, bool]]) -> None:
    last = sum(seconds for seconds, _ in endings)
    late = [*endings, (86_400 + 1, False)]
    assert START + timedelta(seconds=last + 86_401) in failures(late)


def test_a_graph_that_fails_for_weeks_is_told_once_a_day() -> None:
    moments = failures([(600, False)] * 6 * 24 * 21)
    pauses = [later - sooner for sooner, later in pairwise(moments[-10:])]
    assert all(LONGEST_PAUSE <= each <= LONGEST_PAUSE + timedelta(minutes=10) for each in pauses)


@given(st.integers(1, 1_000))
def test_pauses_grow_up_to_a_day(level: int) -> None:
    assert FIRST_PAUSE <= pause(level) <= pause(level + 1) <= LONGEST_PAUSE
