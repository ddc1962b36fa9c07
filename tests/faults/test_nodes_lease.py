"""A `nodes` worker holds no execution, yet its row tells whether it lives."""

import os
import signal
import subprocess

import pytest
from django.db.models.functions import Now

from executions.fleet import workers_by_queue
from executions.models import Worker
from tests.faults.workers import worker
from tests.waiting import until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.redis, pytest.mark.faults]


def row_of(process: "subprocess.Popen[bytes]") -> Worker | None:
    return Worker.objects.filter(process_id=process.pid, queue="nodes", expires_at__gt=Now(), stopped_at=None).first()


def test_a_nodes_worker_signs_on_renews_and_signs_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AGENTFLOW_LEASE_RENEW_SECONDS", "0.2")
    with worker("nodes") as process:
        first = until(lambda: row_of(process), seconds=60)
        assert first is not None
        until(lambda: Worker.objects.get(pk=first.pk).expires_at > first.expires_at)
        assert workers_by_queue()["nodes"]["live"] == 1
        process.send_signal(signal.SIGTERM)
        process.wait(30)
    assert Worker.objects.get(pk=first.pk).stopped_at is not None
    assert workers_by_queue()["nodes"] == {"live": 0, "silent": 0, "lost": 0, "lease_seconds": None}


def test_a_killed_nodes_worker_is_lost_when_its_lease_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AGENTFLOW_LEASE_SECONDS", "1")
    monkeypatch.setenv("AGENTFLOW_LEASE_RENEW_SECONDS", "0.2")
    with worker("nodes") as process:
        until(lambda: row_of(process), seconds=60)
        os.kill(process.pid, signal.SIGKILL)
        until(lambda: workers_by_queue()["nodes"]["lost"] == 1)
