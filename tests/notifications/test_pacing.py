"""When messages are due."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentflow.notifications.kinds import Pace
from agentflow.notifications.pacing import GAP, LONGEST_RETRY, RETRY, TRIES, due_at, retry_after

ZURICH = ZoneInfo("Europe/Zurich")
MOMENTS = st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - zone is given


def test_what_is_sent_at_once_is_due_now() -> None:
    now = datetime(2026, 1, 1, 12, tzinfo=UTC)
    assert due_at(Pace.AT_ONCE, now, sent_at=None, zone=UTC) == now


def test_a_second_message_waits_a_minute_after_the_first() -> None:
    now = datetime(2026, 1, 1, 12, tzinfo=UTC)
    assert due_at(Pace.AT_ONCE, now, sent_at=now - timedelta(seconds=20), zone=UTC) == now + timedelta(seconds=40)


@given(MOMENTS)
def test_hourly_is_the_next_full_hour(now: datetime) -> None:
    due = due_at(Pace.HOURLY, now, sent_at=None, zone=UTC)
    assert timedelta(0) < due - now <= timedelta(hours=1)
    assert (due.minute, due.second, due.microsecond) == (0, 0, 0)


@given(MOMENTS)
def test_daily_is_the_next_eight_o_clock_where_the_person_is(now: datetime) -> None:
    due = due_at(Pace.DAILY, now, sent_at=None, zone=ZURICH)
    assert due.astimezone(ZURICH).hour == 8
    assert timedelta(0) < due - now <= timedelta(hours=25)  # a day of 25 hours is the longest


@pytest.mark.parametrize("attempts", range(1, TRIES))
def test_retries_wait_longer_and_longer(attempts: int) -> None:
    pause = retry_after(attempts)
    assert pause is not None
    assert RETRY <= pause <= LONGEST_RETRY


def test_in_the_end_it_is_given_up() -> None:
    assert retry_after(TRIES) is None


def test_the_gap_is_a_minute() -> None:
    assert timedelta(minutes=1) == GAP
