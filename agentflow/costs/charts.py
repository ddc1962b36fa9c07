"""The usage page's chart: one bar a day, for an SVG template."""

from collections.abc import Mapping
from datetime import date, timedelta

from agentflow.pages.charts import BASE, LEFT, TOP, WIDTH, BarChart, Column, Tick


def day_chart(values: Mapping[date, float], first: date, last: date, *, unit: str) -> BarChart:
    """Bars of equal width for each day of the period; the value axis ends at a round number."""
    days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    top = rounded_up(max(values.values(), default=0.0))
    step = (WIDTH - LEFT - 8) / len(days)
    gap = min(4.0, step / 4)
    columns = []
    for number, day in enumerate(days):
        height = round(values.get(day, 0.0) / top * (BASE - TOP), 1)
        if height:
            label = f"{day:%d %b %Y}: {amount(values[day], unit)}"
            x = round(LEFT + number * step + gap / 2, 1)
            columns.append(Column(x, round(step - gap, 1), BASE - height, height, BASE - height, 0, label))
    ticks = [Tick(BASE - part / 2 * (BASE - TOP), amount(top * part / 2, unit)) for part in range(3)]
    every = max(len(days) // 6, 1)
    names = [Tick(LEFT + number * step, f"{day:%d %b}") for number, day in enumerate(days) if number % every == 0]
    return BarChart(columns, ticks, names)


def rounded_up(value: float) -> float:
    """The next of 1, 2, 5, 10, … times a power of ten, also below one; 1 for nothing."""
    if value <= 0:
        return 1.0
    power = 1e-6
    while True:
        for factor in (1, 2, 5):
            if factor * power >= value * (1 - 1e-9):
                return factor * power
        power *= 10


def amount(value: float, unit: str) -> str:
    """A value with its unit, with as many digits as say something."""
    if unit == "$":
        return f"${value:,.2f}" if value >= 1 or not value else f"${value:,.6f}".rstrip("0")
    return f"{value:,.0f} {unit}" if value >= 10 or not value else f"{value:,.2g} {unit}"
