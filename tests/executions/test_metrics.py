"""What a scraper is told."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import OperationalError
from django.test import Client
from django.utils import timezone

from executions import metrics
from executions.engine.status import Status
from executions.models import Worker
from tests import factories
from tests.executions import recorded


def found() -> dict[tuple[str, ...], float]:
    """Values by metric and labels."""
    collected = metrics.ExecutionCollector().collect()
    return {(s.name, *s.labels.values()): s.value for metric in collected for s in metric.samples}


def test_active_executions_are_counted_by_status(alice: User) -> None:
    graph = factories.graph(alice)
    for status in (Status.QUEUED, Status.QUEUED, Status.RUNNING, Status.COMPLETED):
        recorded.execution(graph, status=status)
    values = found()
    assert values["agentflow_executions", "queued"] == 2
    assert values["agentflow_executions", "running"] == 1
    assert ("agentflow_executions", "completed") not in values


def test_queue_tells_depth_and_oldest_wait(alice: User) -> None:
    graph, now = factories.graph(alice), timezone.now()
    recorded.execution(graph, status=Status.QUEUED, created_at=now - timedelta(seconds=90))
    recorded.execution(graph, status=Status.QUEUED)
    values = found()
    assert values["agentflow_queue_depth", "default"] == 2
    assert values["agentflow_queue_oldest_seconds", "default"] >= 90
    assert values["agentflow_queue_oldest_seconds", "nodes"] == 0


def test_only_workers_with_a_valid_lease_count(db: None) -> None:
    now = timezone.now()
    least: dict[str, Any] = {"host": "h", "process_id": 1, "queue": "nodes", "capacity": 5, "version": "1"}
    Worker.objects.create(name="w1", expires_at=now + timedelta(seconds=60), **least)
    Worker.objects.create(name="w2", expires_at=now - timedelta(seconds=60), **least)
    assert found()["agentflow_workers", "nodes"] == 1


def test_without_a_database_only_that_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def away() -> None:
        raise OperationalError

    monkeypatch.setattr(metrics, "_executions", away)
    assert found() == {("agentflow_database_up",): 0}


def test_metrics_page_shows_them(client: Client, db: None) -> None:
    metrics.register()
    page = client.get("/metrics").content.decode()
    assert "agentflow_database_up 1.0" in page
    assert 'agentflow_queue_depth{queue="default"} 0.0' in page
