"""Isolated nodes in real worker processes: results, failures, cancel, and processes that vanish."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User

from agentflow.graphs.services import create_graph
from agentflow.graphs.spec import GraphSpec, NodeSpec
from blocks.registry import configure
from executions import services
from executions.engine.status import Status
from executions.models import Execution, NodeJob, Output
from tests import factories
from tests.executions.hosting import ended, hosting
from tests.faults.workers import worker
from tests.waiting import until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.redis, pytest.mark.faults]

CANCELLED_WITHIN_SECONDS = 3.0


@pytest.fixture(autouse=True)
def _processes(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    configure(["tests.executions.blocks"])
    monkeypatch.setattr("executions.isolated.SILENT_SECONDS", 2.0)
    with hosting(), worker("nodes"):
        yield
    configure(())


def started(**config: Any) -> Execution:
    owner = User.objects.filter(username="alice").first() or factories.user("alice")
    spec = GraphSpec(name="One", nodes=(NodeSpec("p", "test.process", config),))
    graph = create_graph(owner=owner, spec=spec)
    return services.start_execution(graph, user=owner, inputs={})


def message_of(execution: Execution) -> str:
    return str((execution.error or {}).get("message"))


def is_alive(job: NodeJob) -> bool:
    return Path(f"/proc/{job.claimed_by.rpartition('-')[2]}").exists()


def test_results_failures_cancel_and_vanished_processes() -> None:
    execution = ended(started())
    assert execution.status == Status.COMPLETED
    node = execution.node_executions.get()
    assert list(Output.objects.filter(execution=execution, port="key").values_list("value", flat=True)) == [
        str(node.pk)
    ]
    assert node.log[0][2] == "working"

    execution = ended(started(fail=True))
    assert (execution.status, message_of(execution)) == (Status.FAILED, "it went wrong")
    assert Output.objects.filter(execution=execution, port="process").exists()

    execution = started(seconds=60)
    job = until(lambda: NodeJob.objects.filter(execution=execution, claimed_at__isnull=False).first())
    assert job is not None
    cancelled_at = time.monotonic()
    services.cancel_execution(execution, user=execution.owner)
    assert ended(execution).status == Status.CANCELLED
    until(lambda: not is_alive(job), seconds=CANCELLED_WITHIN_SECONDS)
    assert time.monotonic() - cancelled_at <= CANCELLED_WITHIN_SECONDS

    execution = ended(started(exit=True))
    assert execution.status == Status.FAILED
    assert "ended 3 times" in message_of(execution)
