"""Jobs of isolated nodes survive a queue that forgets them, and are started by whoever may."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User
from django.db import connections
from django_rq import get_queue

from blocks.context import BlockUser
from blocks.registry import configure
from executions.context import NodeContext
from executions.ids import uuid7
from executions.isolated import IsolatedRunner
from executions.models import Execution, NodeJob, Worker
from executions.store import Store
from executions.tickets import NODES, NodeQueue
from tests import factories
from tests.executions import recorded
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


def test_job_that_stands_for_a_lost_one_keeps_its_place(alice: User) -> None:
    with hosting():
        execution = started(alice, {"p": ("test.process", {})})
        lost = until(NodeJob.objects.filter(execution=execution).first)
        assert lost is not None
        later = started(alice, {"p": ("test.process", {})})
        until(NodeJob.objects.filter(execution=later).exists)
        NodeJob.objects.filter(pk=lost.pk).update(claimed_at=datetime(2020, 1, 1, tzinfo=UTC))
        until(lambda: not NodeJob.objects.filter(pk=lost.pk).exists(), seconds=10)
        until(NodeJob.objects.filter(execution=execution).exists)
        assert NodeJob.objects.order_by("created_at")[0].execution_id == execution.pk
        until(lambda: get_queue(NODES).get_job_ids()[0] == f"node-{NodeJob.objects.get(execution=execution).pk}")


@pytest.mark.parametrize("is_held", [True, False])
async def test_only_the_holder_of_an_execution_starts_jobs_for_it(held: Execution, is_held: bool) -> None:
    """A worker that was paused may go on after others have taken over."""
    offered, loop = asyncio.Event(), asyncio.get_running_loop()
    queue = SimpleNamespace(put=lambda token, **_: loop.call_soon_threadsafe(offered.set))
    assert held.holder_id is not None
    store = Store(held.holder_id if is_held else uuid7(), "w")
    context = NodeContext(str(held.pk), "p", (), 1, str(uuid7()), BlockUser(1, "alice"), {})
    async with store.opened():
        job = asyncio.create_task(IsolatedRunner(store, queue)._one("{}", context, None))
        await asyncio.wait_for(offered.wait(), 10)
        assert await NodeJob.objects.filter(execution=held).aexists() == is_held
        job.cancel()
        await asyncio.wait({job})
    await sync_to_async(connections.close_all)()


@pytest.fixture
def held(alice: User) -> Execution:
    far = datetime(2100, 1, 1, tzinfo=UTC)
    worker = Worker.objects.create(
        name="w", host="h", process_id=1, queue="default", capacity=9, version="1", expires_at=far
    )
    return recorded.execution(factories.graph(alice, "p"), holder=worker, epoch=1)
