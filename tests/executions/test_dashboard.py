"""The dashboard and the alerts that we suggest name metrics that are there and fed."""

import json
import re
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import Client

from tests import factories
from tests.executions.hosting import hosting, run
from tests.executions.scraping import scraped, total
from tests.waiting import until

DOCS = Path(settings.BASE_DIR) / "agentflow" / "docs"
NAME = re.compile(r"\b(?:agentflow|django)_\w+")
#: Zero while all is well or nobody looks; their own tests feed them.
AT_REST = {
    "agentflow_executions",
    "agentflow_queue_depth",
    "agentflow_queue_hosted",
    "agentflow_queue_oldest_seconds",
    "agentflow_queue_utilisation",
    "agentflow_worker_hosted",
    "agentflow_live_sockets",
    "agentflow_live_frames_total",
    "agentflow_live_lag_seconds_bucket",
    "agentflow_recoveries_total",
}


def panels() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((DOCS / "grafana.json").read_text())["panels"]
    return found


def names() -> set[str]:
    """Every metric of the dashboard and the alerts."""
    shown = [target["expr"] for panel in panels() for target in panel.get("targets", ())]
    alerts = re.findall(r"^\s+expr: (.+)$", (DOCS / "production.md").read_text(), re.MULTILINE)
    assert len(alerts) >= 6
    return {name for text in [*shown, *alerts] for name in NAME.findall(text)}


def scraped_after_the_run() -> dict[str, float]:
    """Everything once the worker has told of the run; nothing before."""
    values = scraped()
    return values if total(values, "agentflow_executions_ended_total") else {}


@pytest.mark.django_db(transaction=True)
@pytest.mark.redis
def test_every_metric_that_is_named_is_exposed_and_fed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("django.conf.settings.LEASE_RENEW_SECONDS", 0.1)
    alice = factories.user("alice")
    with hosting():
        run(alice, {"a": ("core.value", {"value": 1}), "b": ("core.fail", {"message": "no"})}, "a.value -> b.message")
        Client().get("/graphs/")
        values = until(scraped_after_the_run)
    exposed = {key.partition("{")[0] for key in values}
    assert names() <= exposed
    assert {name for name in names() - AT_REST if total(values, name) == 0} == set()
    assert names() >= AT_REST


def test_panels_are_laid_out_without_overlap() -> None:
    places = [panel["gridPos"] for panel in panels()]
    assert len({panel["id"] for panel in panels()}) == len(places)
    assert all(place["x"] + place["w"] <= 24 for place in places)
    assert not any(overlap(one, other) for one, other in combinations(places, 2))


def overlap(one: dict[str, int], other: dict[str, int]) -> bool:
    apart = (
        one["x"] + one["w"] <= other["x"]
        or other["x"] + other["w"] <= one["x"]
        or one["y"] + one["h"] <= other["y"]
        or other["y"] + other["h"] <= one["y"]
    )
    return not apart


def test_figures_of_the_whole_are_not_added_up_over_web_processes() -> None:
    """Each web process shows them: a sum over instances would be too large."""
    own = ("agentflow_live_", "agentflow_database_up", "agentflow_redis_up", "django_")
    for panel in panels():
        for target in panel.get("targets", ()):
            assert any(name in target["expr"] for name in own) or "max without (instance)" in target["expr"], target
