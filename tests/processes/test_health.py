"""What load balancers and operators are told, and that they are told something whatever hangs."""

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone
from pytest_django.fixtures import Settings

from agentflow.processes import health
from agentflow.processes.probes import Probe
from executions.database import conninfo
from executions.models import NodeJob, Worker
from tests import factories
from tests.executions import recorded

#: Other threads ask: they see only what is committed.
committed = pytest.mark.django_db(transaction=True)

GOOD = {"database": "ok", "migrations": "ok", "redis": "ok", "workers": "ok", "nodes": "ok"}


def asked(client: Client) -> tuple[int, dict[str, Any]]:
    answer = client.get("/readyz")
    return answer.status_code, json.loads(answer.content)


def worker(queue: str = "default", seconds: float = 60, host: str = "h") -> Worker:
    expires_at = timezone.now() + timedelta(seconds=seconds)
    least: dict[str, Any] = {"process_id": 1, "capacity": 5, "version": "1"}
    return Worker.objects.create(name=f"{host}-1", host=host, queue=queue, expires_at=expires_at, **least)


@pytest.fixture
def no_redis(settings: Settings) -> None:
    settings.REDIS_URL = "unix:///nowhere.sock"


def test_process_is_alive_without_any_service(client: Client) -> None:
    assert client.get("/healthz").status_code == 200


@pytest.mark.redis
@committed
def test_ready_when_every_service_answers_and_a_worker_lives(client: Client) -> None:
    worker()
    status, answer = asked(client)
    assert (status, answer["status"], answer["checks"]) == (200, "ok", GOOD)


@committed
def test_redis_away_degrades_but_serves(client: Client, no_redis: None) -> None:
    worker()
    status, answer = asked(client)
    assert (status, answer["status"], answer["checks"]) == (200, "degraded", GOOD | {"redis": "failed"})


@pytest.mark.redis
@committed
def test_workers_are_counted_and_their_absence_degrades(client: Client) -> None:
    worker(seconds=-1)
    worker("nodes")
    status, answer = asked(client)
    assert (status, answer["status"], answer["checks"]) == (200, "degraded", GOOD | {"workers": "failed"})
    workers = answer["workers"]
    assert (workers["default"]["live"], workers["default"]["lost"], workers["nodes"]["live"]) == (0, 1, 1)
    assert 50 < workers["nodes"]["lease_seconds"] <= 60


@pytest.mark.redis
@committed
def test_a_missing_nodes_worker_is_told_when_steps_wait_for_one(client: Client) -> None:
    worker()
    run = recorded.execution(factories.graph(factories.user("alice")))
    NodeJob.objects.create(
        execution=run, node_execution_id=uuid4(), payload={}, created_at=timezone.now() - timedelta(minutes=1)
    )
    assert asked(client)[1]["checks"] == GOOD | {"nodes": "failed"}


@pytest.mark.redis
@committed
def test_a_missing_migration_is_not_ready(client: Client) -> None:
    with psycopg.connect(conninfo("test")) as other:
        deleted = (
            "DELETE FROM django_migrations WHERE app = 'executions' AND name LIKE '0001%' RETURNING app, name, applied"
        )
        row = other.execute(deleted).fetchone()
        other.commit()
        status, answer = asked(client)
        other.execute("INSERT INTO django_migrations (app, name, applied) VALUES (%s, %s, %s)", row)
    assert (status, answer["status"]) == (503, "unavailable")
    assert answer["checks"] == {"database": "ok", "migrations": "failed", "redis": "ok"}


@pytest.mark.redis
@committed
def test_migrations_are_read_from_disk_once(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    asked(client)
    monkeypatch.setattr("agentflow.processes.migrations.MigrationLoader", None)
    assert asked(client)[1]["checks"]["migrations"] == "ok"


@pytest.fixture
def stalled_database(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Somebody holds a lock that no reader passes."""
    monkeypatch.setattr(health, "MOST_SECONDS", 0.3)
    with psycopg.connect(conninfo("test")) as other:
        other.execute("LOCK TABLE django_migrations IN ACCESS EXCLUSIVE MODE")
        yield
        other.rollback()


@pytest.mark.redis
@committed
@pytest.mark.usefixtures("stalled_database")
def test_a_stalled_database_is_told_in_time(client: Client) -> None:
    began = time.monotonic()
    status, answer = asked(client)
    assert time.monotonic() - began < 2
    assert (status, answer["checks"]) == (503, {"database": "failed", "migrations": "failed", "redis": "ok"})


def test_a_question_that_nobody_answers_is_asked_by_one_thread_only() -> None:
    released, asking = threading.Event(), []

    def ask() -> str:
        asking.append(threading.current_thread())
        assert released.wait(20)
        return "there"

    probe = Probe("test", ask)
    for _ in range(3):
        with pytest.raises(TimeoutError):
            probe.ask().result(0.01)
    assert len(asking) == 1
    answer = probe.ask()
    released.set()
    assert answer.result(20) == "there"
    assert probe.ask().result(20) == "there"
    assert len(asking) == 2


@pytest.mark.redis
@committed
def test_a_load_balancer_may_ask_by_address(client: Client) -> None:
    assert client.get("/readyz", headers={"host": "10.1.2.3:8000"}).status_code == 200


@committed
def test_command_tells_whether_a_worker_of_this_host_lives(capsys: pytest.CaptureFixture[str]) -> None:
    worker(host=socket.gethostname())
    worker("nodes", host="elsewhere")
    call_command("worker_health")
    assert "lease until" in capsys.readouterr().out
    assert exit_status(lambda: call_command("worker_health", "nodes")) == 1
    call_command("worker_health", "nodes", host="elsewhere")


@committed
def test_command_does_not_know_without_a_database(monkeypatch: pytest.MonkeyPatch) -> None:
    def away() -> None:
        raise OSError("no route")

    monkeypatch.setattr("agentflow.processes.management.commands.worker_health.read", lambda *_: away())
    assert exit_status(lambda: call_command("worker_health")) == 2


def exit_status(call: Callable[[], Any]) -> int:
    with pytest.raises(CommandError) as raised:
        call()
    return raised.value.returncode
