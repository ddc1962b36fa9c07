"""Figures that fault tests print for the note."""

from collections.abc import Iterable


def percentile(values: Iterable[float], percent: float) -> float:
    """By the nearest rank."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]


def shown(name: str, values: Iterable[float]) -> str:
    """One line: how many, half of them, nearly all, the worst, in seconds."""
    found = list(values)
    if not found:
        return f"{name}: none"
    middle, high = percentile(found, 50), percentile(found, 99)
    return f"{name}: {len(found)} times, p50 {middle:.3f} s, p99 {high:.3f} s, most {max(found):.3f} s"
