"""Jobs of isolated nodes survive a queue that forgets them."""

from collections.abc import Iterator

import pytest
from django.contrib.auth.models import User
from django_rq import get_queue

from blocks.registry import configure
from executions.models import NodeJob
from executions.tickets import NODES, NodeQueue
from tests.executions.hosting import hosting, started
from tests.waiting import until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.redis]


@pytest.fixture(autouse=True)
def _blocks() -> Iterator[None]:
    configure(["tests.executions.blocks"])
    yield
    configure(())


def test_emptied_queue_gets_the_job_again(alice: User) -> None:
    queue = NodeQueue()
    with hosting():
        execution = started(alice, {"p": ("test.process", {})})
        job = until(NodeJob.objects.filter(execution=execution).first)
        assert job is not None
        until(lambda: not queue.missing([job.token]))
        get_queue(NODES).empty()
        assert queue.missing([job.token]) == [job.token]
        until(lambda: not queue.missing([job.token]), seconds=10)
        assert NodeJob.objects.filter(pk=job.pk, claimed_at=None).exists()
