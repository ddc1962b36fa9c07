"""Geometry of the overview's charts: plain numbers for an SVG template."""

from collections.abc import Sequence
from dataclasses import dataclass

from agentflow.pages.history import Bar

WIDTH, HEIGHT, BASE = 956, 240, 206
LEFT, TOP = 44, 12


@dataclass(frozen=True, slots=True)
class Column:
    """One bar: the failed part sits on top of the done part."""

    x: float
    width: float
    y: float
    height: float
    failed_y: float
    failed_height: float
    label: str


@dataclass(frozen=True, slots=True)
class Tick:
    """A line of the value axis or a label of the time axis."""

    at: float
    text: str


@dataclass(frozen=True, slots=True)
class BarChart:
    """Everything the template draws."""

    columns: Sequence[Column]
    values: Sequence[Tick]
    hours: Sequence[Tick]
    width: int = WIDTH
    height: int = HEIGHT
    base: int = BASE
    left: int = LEFT


def bar_chart(bars: Sequence[Bar]) -> BarChart:
    """Bars of equal width; the value axis ends at a round number."""
    top = round_up(max((bar.total for bar in bars), default=0) or 1)
    scale = (BASE - TOP) / top
    step = (WIDTH - LEFT - 8) / max(len(bars), 1)
    columns = [_column(bar, LEFT + index * step, step, scale) for index, bar in enumerate(bars) if bar.total]
    values = [Tick(BASE - top * part / 2 * scale, f"{top * part / 2:g}") for part in range(3)]
    every = max(len(bars) // 6, 1)
    hours = [Tick(LEFT + i * step, f"{bar.start:%H:%M}") for i, bar in enumerate(bars) if i % every == 0]
    return BarChart(columns, values, hours)


def round_up(value: float) -> int:
    """The next of 2, 4, 10, 20, 40, 100, … that is at least `value`."""
    step = 1
    while True:
        for factor in (2, 4, 10):
            if factor * step >= value:
                return factor * step
        step *= 10


def _column(bar: Bar, x: float, step: float, scale: float) -> Column:
    done, failed = bar.done * scale, bar.failed * scale
    label = f"{bar.start:%H:%M}: {bar.total} runs, {bar.failed} failed"
    return Column(round(x + 2, 1), round(step - 4, 1), BASE - done, done, BASE - done - failed, failed, label)
