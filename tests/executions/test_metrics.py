"""What a scraper is told."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.db import OperationalError
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from executions import metrics
from executions.engine.status import Status
from executions.models import NodeJob, Totals, Worker
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
    recorded.execution(graph, status=Status.QUEUED, queued_at=now - timedelta(seconds=90))
    recorded.execution(graph, status=Status.QUEUED)
    values = found()
    assert values["agentflow_queue_depth", "default"] == 2
    assert values["agentflow_queue_oldest_seconds", "default"] >= 90
    assert values["agentflow_queue_oldest_seconds", "nodes"] == 0


def worker(name: str, *, seconds: float = 60, **fields: Any) -> Worker:
    """One whose lease lasts so long."""
    least: dict[str, Any] = {"host": "h", "process_id": 1, "queue": "default", "capacity": 4, "version": "1"}
    return Worker.objects.create(name=name, expires_at=timezone.now() + timedelta(seconds=seconds), **least | fields)


def test_only_workers_with_a_valid_lease_count(db: None) -> None:
    worker("w1", queue="nodes")
    worker("w2", queue="nodes", seconds=-60)
    assert found()["agentflow_workers", "nodes"] == 1


def test_worker_tells_what_it_hosts_of_how_many(alice: User) -> None:
    graph = factories.graph(alice)
    for _ in range(3):
        recorded.execution(graph, holder=worker("w"))
    recorded.execution(graph, holder=(busy := worker("busy")), status=Status.RUNNING)
    values = found()
    assert values["agentflow_worker_hosted", busy.name] == 1
    assert values["agentflow_worker_slots", busy.name] == 4
    assert values["agentflow_queue_utilisation", "default"] == 4 / 16


def test_worker_that_came_again_under_its_name_counts_once(db: None) -> None:
    worker("w", capacity=3)
    worker("w", capacity=5)
    samples = [s for m in metrics.ExecutionCollector().collect() for s in m.samples if s.name.endswith("worker_slots")]
    assert [sample.value for sample in samples] == [5]


def test_busy_nodes_workers_are_told(alice: User) -> None:
    run = recorded.execution(factories.graph(alice))
    worker("n", queue="nodes", capacity=1)
    now = timezone.now()
    for fields in ({"claimed_at": now, "beat_at": now}, {"claimed_at": now, "beat_at": now - timedelta(hours=1)}, {}):
        NodeJob.objects.create(node_execution_id=uuid4(), execution=run, payload={}, **fields)
    values = found()
    assert values["agentflow_queue_hosted", "nodes"] == values["agentflow_queue_utilisation", "nodes"] == 1
    assert values["agentflow_queue_depth", "nodes"] == 1


def test_scraping_takes_the_same_queries_however_much_there_is(
    alice: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    graph = factories.graph(alice)
    for number in range(5):
        recorded.execution(graph, holder=worker(f"w{number}"))
        Totals.objects.create(counts={"lease_renewals": {"": 1}})
    with django_assert_num_queries(6):
        assert found()["agentflow_lease_renewals_total",] == 5


def test_without_a_database_only_this_process_is_told(monkeypatch: pytest.MonkeyPatch, redis_url: str) -> None:
    def away() -> None:
        raise OperationalError

    monkeypatch.setattr(metrics, "live_workers", away)
    values = found()
    assert values["agentflow_database_up",] == 0
    assert {name.removeprefix("agentflow_").split("_")[0] for name, *_ in values} == {"database", "redis", "live"}


def test_redis_that_is_away_is_told(monkeypatch: pytest.MonkeyPatch, db: None) -> None:
    monkeypatch.setattr("django.conf.settings.REDIS_URL", "redis://127.0.0.1:1/0")
    assert found()["agentflow_redis_up",] == 0


def test_metrics_page_shows_them(client: Client, db: None) -> None:
    metrics.register()
    page = client.get("/metrics").content.decode()
    assert "agentflow_database_up 1.0" in page
    assert 'agentflow_queue_depth{queue="default"} 0.0' in page
