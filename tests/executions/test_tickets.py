"""A ticket rings in the worker's own process."""

from unittest.mock import Mock

import django_rq
import pytest
from rq.serializers import JSONSerializer

from executions import host
from executions.ids import uuid7
from executions.tickets import TICKETS, TicketJob, enqueue_ticket
from executions.worker import GraphWorker

pytestmark = pytest.mark.redis


def test_ticket_rings_in_the_process_that_took_it(monkeypatch: pytest.MonkeyPatch) -> None:
    hosting = Mock(is_full=False)
    monkeypatch.setattr(host, "current", hosting)
    queue = django_rq.get_queue(TICKETS)
    queue.empty()
    enqueue_ticket(uuid7())
    worker = GraphWorker([queue], connection=queue.connection, job_class=TicketJob, serializer=JSONSerializer)
    worker.execute_job(*worker.dequeue_job_and_maintain_ttl(None))
    hosting.ring.assert_called_once_with()
    assert not queue.get_job_ids()
