"""A worker that starts while Redis is away claims by the database alone."""

import pytest

from agentflow.graphs.services import create_graph
from agentflow.graphs.spec import GraphSpec, NodeSpec
from executions import services
from executions.engine.status import Status
from executions.models import Execution
from tests import factories
from tests.faults.workers import worker
from tests.waiting import until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.redis, pytest.mark.faults]


def test_worker_starts_and_hosts_without_redis(monkeypatch: pytest.MonkeyPatch) -> None:
    owner = factories.user("alice")
    spec = GraphSpec(name="One", nodes=(NodeSpec("a", "core.value", {"value": 1}),))
    execution = services.start_execution(create_graph(owner=owner, spec=spec), user=owner, inputs={})
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:1/0")
    with worker():
        until(Execution.objects.filter(pk=execution.pk, status=Status.COMPLETED).exists)
