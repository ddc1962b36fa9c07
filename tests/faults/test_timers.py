"""Durable timers: none missed, none early, hardly late, and nothing held meanwhile."""

import time
from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from django.db import connection, transaction
from django.db.models import Q
from django.utils import timezone
from pytest_django import DjangoDbBlocker

from executions import services
from executions.engine.status import Status
from executions.ids import node_execution_id, uuid7
from executions.models import Execution, NodeExecution
from tests.executions.hosting import drawn, ended
from tests.faults.figures import percentile, shown
from tests.faults.rig import Rig
from tests.faults.servers import Servers
from tests.waiting import until

pytestmark = [pytest.mark.redis, pytest.mark.faults]

LATE_SECONDS = 2.0
CLAIMED_WITHIN_SECONDS = 1.0


@pytest.fixture(scope="module")
def rig(
    rig_servers: Servers, tmp_path_factory: pytest.TempPathFactory, django_db_blocker: DjangoDbBlocker
) -> Iterator[Rig]:
    with django_db_blocker.unblock(), Rig(rig_servers, tmp_path_factory.mktemp("timers"), workers=2) as rig:
        yield rig


def parked(rig: Rig, number: int, first_due: datetime, seconds: float) -> list[Execution]:
    """Executions that wait for timers due one after the other within so many seconds.

    One is parked by its worker; the others are copies of its rows.
    """
    graph = drawn(
        rig.owner,
        {"wait": ("core.delay", {"seconds": 86_400, "value": 7}), "out": ("io.output", {"name": "n"})},
        "wait.value -> out.value",
    )
    model = services.start_execution(graph, user=rig.owner, inputs={})
    until(lambda: Execution.objects.filter(pk=model.pk, status=Status.WAITING, holder=None).exists())
    model.refresh_from_db()
    row = NodeExecution.objects.get(execution=model, status=Status.WAITING)
    executions, rows = [], []
    for index in range(number):
        due = first_due + timedelta(seconds=seconds * index / number)
        copy = Execution(**{field.attname: getattr(model, field.attname) for field in Execution._meta.concrete_fields})
        copy.pk, copy.wake_at = uuid7(), due
        executions.append(copy)
        rows.append(_waiting_row(row, copy, due))
    with transaction.atomic():
        Execution.objects.bulk_create(executions, batch_size=2_000)
        NodeExecution.objects.bulk_create(rows, batch_size=2_000)
    services.cancel_execution(model, user=rig.owner)
    return executions


def _waiting_row(row: NodeExecution, execution: Execution, due: datetime) -> NodeExecution:
    copy = NodeExecution(
        **{field.attname: getattr(row, field.attname) for field in NodeExecution._meta.concrete_fields}
    )
    copy.pk, copy.execution_id = node_execution_id(execution.pk, row.node, (), 0), execution.pk
    (key,) = row.waits
    copy.waits = {key: {**row.waits[key], "until": due.isoformat()}}
    return copy


def due_in_a_burst(rig: Rig, number: int, seconds: float, capsys: pytest.CaptureFixture[str]) -> None:
    first_due = timezone.now() + timedelta(seconds=2 + number / 200)
    executions = parked(rig, number, first_due, seconds)
    due = {execution.pk: execution.wake_at for execution in executions if execution.wake_at}
    assert timezone.now() < first_due, "parking took too long"
    assert not Execution.objects.filter(pk__in=due).filter(~Q(holder=None) | ~Q(status=Status.WAITING)).exists()
    mine = Execution.objects.filter(graph=executions[0].graph_id, pk__in=due)
    left = (first_due - timezone.now()).total_seconds() + seconds
    until(lambda: not mine.filter(ended_at=None).exists(), seconds=left + 120)
    assert set(mine.values_list("status", flat=True)) == {Status.COMPLETED}
    ends = NodeExecution.objects.filter(execution__in=mine, node="wait").values_list("execution", "ended_at", "attempt")
    late = [(at - due[execution]).total_seconds() for execution, at, _ in ends if at]
    with capsys.disabled():
        print("\n" + shown("timers after they were due", late))  # noqa: T201 - a figure for the note
    assert len(late) == number
    assert min(late) >= 0
    assert {attempt for *_, attempt in ends} == {1}
    assert percentile(late, 99) <= LATE_SECONDS


def test_three_hundred_timers_within_three_seconds(rig: Rig, capsys: pytest.CaptureFixture[str]) -> None:
    due_in_a_burst(rig, 300, 3, capsys)


@pytest.mark.slow
def test_ten_thousand_timers_within_a_minute(rig: Rig, capsys: pytest.CaptureFixture[str]) -> None:
    due_in_a_burst(rig, 10_000, 60, capsys)


def claimed_after(rig: Rig) -> float:
    """From a start to its first step, the best of a few."""
    graph = drawn(rig.owner, {"v": ("core.value", {"value": 1})})
    found = []
    for _ in range(10):
        execution = ended(services.start_execution(graph, user=rig.owner, inputs={}))
        assert execution.started_at is not None
        found.append((execution.started_at - execution.created_at).total_seconds())
    return min(found)


def many_parked(rig: Rig, number: int, capsys: pytest.CaptureFixture[str]) -> None:
    before = claimed_after(rig)
    parked(rig, number, timezone.now() + timedelta(hours=1), 3_600)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE executions_execution")
    begun_at = time.monotonic()
    after = claimed_after(rig)
    with capsys.disabled():
        print(f"\nfrom a start to its claim: {before:.3f} s, beside {number:,} that wait {after:.3f} s")  # noqa: T201
    assert Execution.objects.filter(status=Status.WAITING, holder=None).count() >= number
    assert time.monotonic() - begun_at < 60
    assert after <= max(CLAIMED_WITHIN_SECONDS / 10, 3 * before)


def test_five_thousand_parked_executions_slow_nobody(rig: Rig, capsys: pytest.CaptureFixture[str]) -> None:
    many_parked(rig, 5_000, capsys)


@pytest.mark.slow
def test_hundred_thousand_parked_executions_slow_nobody(rig: Rig, capsys: pytest.CaptureFixture[str]) -> None:
    many_parked(rig, 100_000, capsys)
