"""The numbers behind the overview's charts."""

from datetime import UTC, datetime, timedelta

import pytest

from agentflow.pages.charts import BASE, bar_chart, round_up
from agentflow.pages.history import Bar, percentile

START = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(("value", "top"), [(1, 2), (3, 4), (4, 4), (5, 10), (11, 20), (41, 100), (399, 400)])
def test_axis_ends_at_a_round_number(value: float, top: int) -> None:
    assert round_up(value) == top


def test_failed_part_stands_on_the_done_part() -> None:
    column = bar_chart([Bar(START, done=3, failed=1)]).columns[0]
    assert column.y + column.height == pytest.approx(BASE)
    assert column.failed_y + column.failed_height == pytest.approx(column.y)


def test_empty_slices_draw_nothing() -> None:
    bars = [Bar(START + timedelta(minutes=30 * index)) for index in range(48)]
    assert bar_chart(bars).columns == []


def test_percentile_is_a_value_of_the_sample() -> None:
    assert percentile([1.0, 2.0, 3.0, 4.0], 0.5) == 2.0
    assert percentile([1.0, 2.0, 3.0, 4.0], 0.95) == 4.0
    assert percentile([7.0], 0.95) == 7.0


def test_percentile_of_nothing_is_none() -> None:
    assert percentile([], 0.5) is None
