"""Due times against what clocks on the wall show, minute by minute, in zones that change their clocks in every way."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise, takewhile
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentflow.triggers.cron import Cron, CronError, _moments, following, latest, read

MINUTE = timedelta(minutes=1)
#: Around their changes: put forward and back by an hour, by half an hour, at midnight, by two hours, never.
CHANGES = {
    "Europe/Berlin": ["2026-03-29", "2026-10-25"],
    "America/New_York": ["2026-03-08", "2026-11-01"],
    "Australia/Lord_Howe": ["2026-04-04", "2026-10-03"],
    "America/Santiago": ["2026-04-04", "2026-09-05"],
    "Antarctica/Troll": ["2026-03-28", "2026-10-24"],
    "Africa/Casablanca": ["2026-02-14", "2026-03-21"],
    "Asia/Kathmandu": ["2026-01-01"],
    "UTC": ["2026-01-01"],
}
DAYS = [(zone, day) for zone, days in CHANGES.items() for day in days]

minutes = st.sampled_from(["*", "*/7", "*/30", "0", "30", "0,15,45", "59", "10-20/5", "0-59/20"])
hours = st.sampled_from(["*", "*/2", "0", "1", "2", "3", "1-3", "0,2,23", "22"])
days = st.sampled_from(["* * *", "* * 0", "* * 1-5", "1,29 * *", "*/2 * *", "L * *", "* 3,10 *", "29 3 0"])
expressions = st.builds(lambda *fields: " ".join(fields), minutes, hours, days)


def matches(cron: Cron, wall: datetime) -> bool:
    """Whether a clock that never changes would be due then."""
    naive = Cron(cron.expression, ZoneInfo("UTC"))
    return following(naive, wall.replace(tzinfo=UTC) - MINUTE, 1) == [wall.replace(tzinfo=UTC)]


def oracle(cron: Cron, start: datetime, end: datetime) -> list[datetime]:
    """Walks every real minute and looks at the clock; fixed times that were left out run at the change."""
    found: list[datetime] = []
    seen: set[datetime] = set()
    before: datetime | None = None
    for number in range(int((end - start) / MINUTE) + 1):
        moment = start + number * MINUTE
        wall = moment.astimezone(cron.zone).replace(tzinfo=None)
        # What clocks have shown since the minute before: several times where they were put forward.
        shown = [wall] if before is None else [before + n * MINUTE for n in range(1, int((wall - before) / MINUTE) + 1)]
        if not cron.is_fixed:
            due = matches(cron, wall)
        else:
            due = any(matches(cron, time) and time not in seen for time in shown or ())
            seen.update(time for time in shown if matches(cron, time))
            wall = max(wall, before or wall)
        before = wall
        if due:
            found.append(moment)
    return found


@settings(max_examples=25, deadline=None)
@given(expression=expressions, day=st.sampled_from(DAYS))
def test_due_times_are_those_that_clocks_show(expression: str, day: tuple[str, str]) -> None:
    cron = read(expression, day[0])
    start = datetime.fromisoformat(day[1]).replace(tzinfo=UTC) - timedelta(hours=12)
    # A fixed time that comes twice runs the first time: the walk begins before any change.
    end = start + timedelta(days=2)
    expected = oracle(cron, start, end)
    found = [moment for moment in following(cron, start - MINUTE, 4_000) if moment <= end]
    assert found == expected


@settings(max_examples=40, deadline=None)
@given(expression=expressions, day=st.sampled_from(DAYS), minutes=st.integers(0, 3_000), seconds=st.integers(0, 59))
def test_where_one_begins_changes_no_due_time(
    expression: str, day: tuple[str, str], minutes: int, seconds: int
) -> None:
    cron = read(expression, day[0])
    start = datetime.fromisoformat(day[1]).replace(tzinfo=UTC) - timedelta(hours=12)
    later = start + minutes * MINUTE + timedelta(seconds=seconds)
    all_of_them = following(cron, start, 5_000)
    rest = [moment for moment in all_of_them if moment > later][:50]
    assert following(cron, later, len(rest)) == rest
    assert all(one < other for one, other in pairwise(all_of_them))


@settings(max_examples=20, deadline=None)
@given(expression=expressions, day=st.sampled_from(DAYS), count=st.integers(1, 120), hours=st.integers(0, 2_000))
def test_the_latest_are_the_end_of_all(expression: str, day: tuple[str, str], count: int, hours: int) -> None:
    cron = read(expression, day[0])
    until = datetime.fromisoformat(day[1]).replace(tzinfo=UTC)
    after = until - timedelta(hours=hours)
    all_of_them = list(takewhile(lambda moment: moment <= until, _moments(cron, after)))
    assert latest(cron, after, until, count) == all_of_them[-count:]


@pytest.mark.parametrize(
    ("zone", "expression", "after", "expected"),
    [
        # Half past two does not exist: at the change. The day after as usual.
        ("Europe/Berlin", "30 2 * * *", "2026-03-28T12:00", ["2026-03-29T01:00", "2026-03-30T00:30"]),
        # Half past two comes twice: the first time.
        ("Europe/Berlin", "30 2 * * *", "2026-10-24T12:00", ["2026-10-25T00:30", "2026-10-26T01:30"]),
        # Asked between the two half past twos, the second is none.
        ("Europe/Berlin", "30 2 * * *", "2026-10-25T00:45", ["2026-10-26T01:30"]),
        # Every half hour is every half hour.
        ("Europe/Berlin", "*/30 * * * *", "2026-10-25T00:15", ["2026-10-25T00:30", "2026-10-25T01:00"]),
        ("Europe/Berlin", "*/30 * * * *", "2026-03-29T00:15", ["2026-03-29T00:30", "2026-03-29T01:00"]),
        # Lord Howe is put back by half an hour: a quarter to two comes twice.
        ("Australia/Lord_Howe", "45 1 * * *", "2026-04-04T00:00", ["2026-04-04T14:45", "2026-04-05T15:15"]),
        ("America/New_York", "@daily", "2026-11-01T00:00", ["2026-11-01T04:00", "2026-11-02T05:00"]),
    ],
)
def test_people_expect_these(zone: str, expression: str, after: str, expected: list[str]) -> None:
    found = following(read(expression, zone), datetime.fromisoformat(after).replace(tzinfo=UTC), len(expected))
    assert [f"{moment:%Y-%m-%dT%H:%M}" for moment in found] == expected


@pytest.mark.parametrize(
    "expression",
    [
        "",
        "* * * *",
        "* * * * * *",
        "61 * * * *",
        "* * * * mon#9",
        "*/0 * * * *",
        "0 0 31 2 *",
        "a b c d e",
        "\0 * * * *",
        "٣ * * * *",
        "1-999999999999 * * * *",
        "* * * * *" + " " * 10 + "," * 200,
        "@reboot",
        "5-1 * * * *",
    ],
)
def test_what_is_no_expression_is_refused_in_a_sentence(expression: str) -> None:
    with pytest.raises(CronError) as caught:
        read(expression, "UTC")
    assert str(caught.value).endswith((".", "5."))
    assert caught.value.member == "cron"


@pytest.mark.parametrize("zone", ["", "Mars/Olympus", "../../etc/passwd", "Europe/Berlin\0", "localtime"])
def test_what_is_no_time_zone_is_refused(zone: str) -> None:
    with pytest.raises(CronError) as caught:
        read("* * * * *", zone)
    assert caught.value.member == "time_zone"


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        cron = read(text, "UTC")
    except CronError:
        return
    assert len(following(cron, datetime(2026, 1, 1, tzinfo=UTC), 1)) <= 1


def test_a_year_of_missed_minutes_is_found_at_once() -> None:
    cron, until = read("* * * * *", "Europe/Berlin"), datetime(2026, 6, 1, tzinfo=UTC)
    found = latest(cron, until - timedelta(days=366), until, 100)
    assert (len(found), found[-1]) == (100, until)
