"""What a scraper reads."""

import re

from django.test import Client

from executions import metrics

LINE = re.compile(r"^(\w+)(?:{(.*)})? (\S+)$")


def scraped() -> dict[str, float]:
    """The page for Prometheus: value by `name` or `name{label="value",…}`."""
    metrics.register()
    lines = Client().get("/metrics").content.decode().splitlines()
    found = [match.groups() for line in lines if (match := LINE.match(line))]
    return {f"{name}{{{labels}}}" if labels else name: float(value) for name, labels, value in found}


def total(values: dict[str, float], name: str) -> float:
    """Over all labels."""
    return sum(value for key, value in values.items() if key.partition("{")[0] == name)
