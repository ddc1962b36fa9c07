"""The witness itself: it sees a worker that writes without the right to."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest

from agentflow.graphs.services import create_graph
from agentflow.graphs.spec import GraphSpec, NodeSpec
from executions import services
from executions.models import Execution, Worker
from tests.faults import audit
from tests.faults.conftest import MakeRig

pytestmark = pytest.mark.faults

SIGN_ON = """
    INSERT INTO executions_worker (id, name, host, process_id, queue, capacity, version, expires_at)
    VALUES (%s, 'w', 'h', %s, 'default', 1, '', now())
"""
WRITE = """
    INSERT INTO executions_nodeexecution
        (id, execution_id, node, block, path, ordinal, attempt, status, arrivals, log, usage, reused, cost, seq)
    VALUES (%s, %s, 'a', 'core.value', '{}', %s, 1, 'running', '[]', '[]', '{}', false, 0, %s)
"""


def test_a_row_written_by_another_than_the_holder_is_seen(make_rig: MakeRig) -> None:
    rig = make_rig(workers=0)
    spec = GraphSpec(name="One", nodes=(NodeSpec("a", "core.value", {"value": 1}),))
    execution = services.start_execution(create_graph(owner=rig.owner, spec=spec), user=rig.owner, inputs={})
    with (
        signed_on(rig.postgres.url, 1) as (id, holder),
        signed_on(rig.postgres.url, 2) as (_, other),
    ):
        Execution.objects.filter(pk=execution.pk).update(holder=Worker.objects.get(pk=id), epoch=1)
        for number, connection in enumerate((holder, other)):
            connection.execute(WRITE, (uuid.uuid4(), execution.pk, number, number + 1))
        (found,) = audit.violations(other)
    assert "written by 2 while 1 holds epoch 1" in found


@contextmanager
def signed_on(url: str, process_id: int) -> Iterator[tuple[uuid.UUID, "psycopg.Connection"]]:
    id = uuid.uuid4()
    with psycopg.connect(url, autocommit=True, application_name=f"agentflow recorder {process_id}") as connection:
        connection.execute(SIGN_ON, (id, process_id))
        yield id, connection
