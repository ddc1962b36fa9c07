"""What is lost is found by what its worker held, however much waits."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.db import connection

from executions.control import Bell
from executions.database import connect
from executions.engine.status import Status
from executions.gauges import Gauges
from executions.ids import uuid7
from executions.models import Execution, Worker
from executions.store import Store
from executions.sweeper import BATCH, LOST, Sweeper
from executions.trials import TRIAL_SECONDS, parameters
from tests import factories
from tests.executions import recorded
from tests.waiting import until

pytestmark = pytest.mark.django_db

PARAMETERS = {"batch": BATCH, "lease": 8, **parameters(8)}
WAITING = 2_000


def worker(name: str, expires_at: datetime) -> Worker:
    return Worker.objects.create(
        name=name, host="h", process_id=1, queue="default", capacity=9, version="1", expires_at=expires_at
    )


@pytest.fixture
def dead() -> Worker:
    return worker("dead", datetime(2000, 1, 1, tzinfo=UTC))


@pytest.fixture
def living() -> Worker:
    return worker("living", datetime(2100, 1, 1, tzinfo=UTC))


def held(worker: Worker | None, status: Status = Status.RUNNING) -> Execution:
    owner = factories.user(f"owner of {Execution.objects.count()}")
    return recorded.execution(factories.graph(owner, "a"), holder=worker, epoch=1, status=status)


def swept() -> set[Any]:
    with connection.cursor() as cursor:
        cursor.execute(LOST, PARAMETERS)
        return {row[0] for row in cursor.fetchall()}


def test_what_a_dead_worker_held_is_queued_with_the_next_epoch(dead: Worker, living: Worker) -> None:
    lost, kept, over = held(dead), held(living), held(dead, Status.COMPLETED)
    assert swept() == {lost.pk}
    for execution in (lost, kept, over):
        execution.refresh_from_db()
    assert (lost.status, lost.holder, lost.epoch, lost.events[0]["kind"]) == (Status.QUEUED, None, 2, "worker_lost")
    assert (kept.status, kept.epoch, over.status, over.epoch) == (Status.RUNNING, 1, Status.COMPLETED, 1)


def test_the_event_says_since_when_the_worker_gave_no_sign_of_life(dead: Worker) -> None:
    idle, busy = held(dead), held(dead)
    recorded_at = dead.expires_at - timedelta(seconds=7)
    recorded.record(busy, "a", queued_at=recorded_at)
    swept()
    for lost, since in ((idle, dead.expires_at - timedelta(seconds=8)), (busy, recorded_at)):
        lost.refresh_from_db()
        (event,) = lost.events
        assert datetime.fromisoformat(event["since"]) == since
        assert event["text"].startswith("Worker dead was lost: no sign of life for ")


def test_all_dead_workers_are_swept_at_once(dead: Worker) -> None:
    lost = {held(dead).pk, held(worker("dead too", dead.expires_at)).pk}
    assert swept() == lost


def test_waiting_executions_are_not_looked_at(dead: Worker) -> None:
    held(dead)
    waiting = held(None, Status.QUEUED)
    Execution.objects.bulk_create(
        Execution(graph=waiting.graph, version=waiting.version, owner=waiting.owner) for _ in range(WAITING)
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE executions_execution, executions_worker")
        cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {LOST}", PARAMETERS)
        [[plan]] = cursor.fetchall()
    assert looked_at(plan[0]["Plan"]) < WAITING


def test_lost_worker_counts_against_a_suspect_that_came_up_for_trial(living: Worker) -> None:
    """Those that were hosted for long beside it are not blamed."""
    now = datetime.now(UTC)
    dead = worker("just dead", now - timedelta(seconds=1))
    blamed, spared = held(dead), held(dead)
    for execution, seconds in ((blamed, TRIAL_SECONDS / 2), (spared, TRIAL_SECONDS * 2)):
        resumed = {"kind": "resumed", "at": (now - timedelta(seconds=8 + seconds)).isoformat()}
        execution.events = [{"kind": "worker_lost", "at": now.isoformat()}, {**resumed}] * 3
        execution.save()
    assert swept() == {blamed.pk, spared.pk}
    for execution in (blamed, spared):
        execution.refresh_from_db()
    assert [execution.events[-1]["losses"] for execution in (blamed, spared)] == [4, 3]


def looked_at(plan: dict[str, Any]) -> int:
    """Rows that were read, by the whole plan."""
    read = plan["Actual Rows"] + plan.get("Rows Removed by Filter", 0) + plan.get("Rows Removed by Join Filter", 0)
    return int(read * plan["Actual Loops"]) + sum(map(looked_at, plan.get("Plans", ())))


@pytest.mark.django_db(transaction=True)
async def test_rows_that_a_dead_worker_has_locked_in_a_pipeline_become_free() -> None:
    """It was cut off between two messages: its session waits for more, which the server does not take for idle."""
    dead = await sync_to_async(worker)("dead", datetime(2100, 1, 1, tzinfo=UTC))
    lost = await sync_to_async(held)(dead)
    left = await connect(f"agentflow recorder {dead.pk.hex}", silence_seconds=1)
    left.pgconn.enter_pipeline_mode()
    left.pgconn.send_query_params(b"BEGIN", None)
    left.pgconn.send_query_params(b"SELECT 1 FROM executions_execution FOR UPDATE", None)
    left.pgconn.send_flush_request()
    left.pgconn.flush()
    try:
        await sync_to_async(until)(lambda: is_amid_a_pipeline(dead))
        await sync_to_async(Worker.objects.update)(expires_at=datetime(2000, 1, 1, tzinfo=UTC))
        async with Store(uuid7(), "living").opened() as store:
            await Sweeper(store, Bell(), Gauges()).sweep()
        await lost.arefresh_from_db()
        assert (lost.status, lost.epoch) == (Status.QUEUED, 2)
    finally:
        left.pgconn.finish()


def is_amid_a_pipeline(worker: Worker) -> bool:
    """Its session has locked something and waits for the next message; to the server it is active all the same."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT 1 FROM pg_stat_activity WHERE split_part(application_name, ' ', 3) = %s "
            "AND state = 'active' AND wait_event = 'ClientRead' AND backend_xid IS NOT NULL",
            (worker.pk.hex,),
        )
        return cursor.fetchone() is not None
