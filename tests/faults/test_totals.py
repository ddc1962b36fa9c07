"""What workers have counted survives them: the figures of the whole never fall."""

import os
import signal
from datetime import timedelta

import pytest
from django.utils import timezone

from executions.models import Execution, Totals, Worker
from executions.totals import REST
from tests import factories
from tests.executions.hosting import run, started
from tests.executions.scraping import scraped, total
from tests.faults.workers import worker
from tests.waiting import until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.redis, pytest.mark.faults]

NODES = {"a": ("core.value", {"value": 1}), "b": ("core.value", {"value": 2})}
COUNTED = ("agentflow_executions_ended_total", "agentflow_node_executions_total", "agentflow_node_seconds_count")


def counted() -> tuple[float, ...]:
    values = scraped()
    return tuple(total(values, name) for name in COUNTED)


def has_not_fallen(before: tuple[float, ...]) -> bool:
    assert counted() == before
    return True


def test_totals_do_not_fall_when_a_worker_is_killed() -> None:
    alice = factories.user("alice")
    with worker() as first, worker():
        for _ in range(4):
            run(alice, NODES)
        until(lambda: counted() == (4, 8, 8))
        os.kill(first.pid, signal.SIGKILL)
        # Long after, the sweeper of the one that lives adds its row to that of all who are gone.
        Worker.objects.filter(process_id=first.pid).update(expires_at=timezone.now() - timedelta(minutes=5))
        until(lambda: has_not_fallen((4, 8, 8)) and Totals.objects.filter(pk=REST).exists())
        run(alice, NODES)
        until(lambda: counted() == (5, 10, 10))


def test_lost_worker_and_the_resumption_are_counted() -> None:
    alice = factories.user("alice")
    with worker(), worker():
        execution = started(alice, {"wait": ("core.delay", {"seconds": 1.5})})
        until(lambda: Execution.objects.filter(pk=execution.pk, node_executions__status="running").exists())
        execution.refresh_from_db()
        assert execution.holder is not None
        os.kill(execution.holder.process_id, signal.SIGKILL)
        until(lambda: scraped().get('agentflow_recoveries_total{kind="worker_lost"}') == 1)
        until(lambda: scraped()['agentflow_recoveries_total{kind="resumed"}'] == 1)
