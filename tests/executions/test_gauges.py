"""What workers count: fed by real runs, read where a scraper reads it."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth.models import User
from django.db import connection
from psycopg import AsyncConnection

from executions import services
from executions.database import conninfo
from executions.engine.status import FINAL, Status
from executions.families import families
from executions.gauges import Gauges
from executions.histogram import SECONDS, Histogram
from executions.ledger import Batch, Ending, NodeRow
from executions.models import Execution, NodeExecution, Totals, Worker
from executions.totals import REST, added, fold
from executions.values import encode
from tests import factories
from tests.executions.hosting import drawn, ended, hosting, run, started
from tests.executions.scraping import scraped, total
from tests.waiting import until

NOW = datetime(2026, 11, 30, tzinfo=UTC)


@pytest.mark.django_db(transaction=True)
@pytest.mark.redis
def test_runs_are_counted_as_the_database_has_them() -> None:
    alice = factories.user("alice")
    with hosting():
        items = {"value": list(range(7))}
        nodes = {
            "items": ("core.value", items),
            "each": ("logic.for_each", {}),
            "wait": ("core.delay", {"seconds": 0.01}),
        }
        for _ in range(3):
            run(alice, nodes, "items.value -> each.items; each.item -> wait.value")
        run(
            alice,
            {"bad": ("core.fail", {"message": "no"}), "never": ("core.value", {})},
            "bad.error -> never.value",
        )
        run(alice, {"bad": ("core.fail", {"message": "no"})})
    values = scraped()
    stored = Counter(Execution.objects.values_list("status", "reason"))
    for (status, reason), number in stored.items():
        assert values[f'agentflow_executions_ended_total{{reason="{reason}",status="{status}"}}'] == number
    for (status, block), number in Counter(NodeExecution.objects.values_list("status", "block")).items():
        assert values[f'agentflow_node_executions_total{{block="{block}",status="{status}"}}'] == number
    assert values['agentflow_node_seconds_count{block="core.delay"}'] == 21
    assert values['agentflow_node_seconds_sum{block="core.delay"}'] >= 0.2
    assert values["agentflow_execution_seconds_count"] == values["agentflow_execution_wait_seconds_count"] == 5
    assert values["agentflow_flush_rows_sum"] >= NodeExecution.objects.count()
    assert values["agentflow_flush_seconds_sum"] > 0
    assert values["agentflow_loop_seconds_total"] > values["agentflow_engine_seconds_total"] > 0


@pytest.mark.django_db(transaction=True)
@pytest.mark.redis
def test_worker_tells_with_every_renewal_what_it_has_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("django.conf.settings.LEASE_RENEW_SECONDS", 0.1)
    alice = factories.user("alice")
    with hosting() as host:
        run(alice, {"a": ("core.value", {"value": 1})})
        until(lambda: total(scraped(), "agentflow_executions_ended_total") == 1)
        until(lambda: scraped()["agentflow_lease_renewals_total"] >= 3)
        recent = Totals.objects.get(pk=host.id).recent
    assert (recent["executions"], recent["node_executions"]) == (1, 1)


@pytest.mark.django_db(transaction=True)
@pytest.mark.redis
def test_handing_over_and_taking_up_are_counted() -> None:
    alice = factories.user("alice")
    with hosting():
        execution = started(alice, {"wait": ("core.delay", {"seconds": 0.6})})
        until(lambda: NodeExecution.objects.filter(execution=execution, status=Status.RUNNING).exists())
    with hosting():
        ended(execution)
    values = scraped()
    assert values['agentflow_recoveries_total{kind="handed_over"}'] == 1
    assert values['agentflow_recoveries_total{kind="resumed"}'] == 1
    assert values["agentflow_execution_wait_seconds_count"] == 2


def test_execution_that_ends_without_a_worker_is_counted(alice: User) -> None:
    execution = services.start_execution(drawn(alice, {"a": ("core.value", {"value": 1})}), user=alice, inputs={})
    NodeExecution.objects.create(id=uuid4(), execution=execution, node="a", block="core.value", status="queued", seq=1)
    services.cancel_execution(execution, user=alice)
    execution.refresh_from_db()
    assert execution.status in FINAL
    values = scraped()
    assert values['agentflow_executions_ended_total{reason="",status="cancelled"}'] == 1
    assert values['agentflow_node_executions_total{block="core.value",status="cancelled"}'] == 1


@pytest.mark.django_db(transaction=True)
def test_counts_of_those_who_are_gone_are_kept_in_one_row() -> None:
    lease = {"host": "h", "process_id": 1, "queue": "default", "capacity": 1, "version": "1"}
    alive = Worker.objects.create(name="alive", expires_at=datetime.now(UTC) + timedelta(minutes=1), **lease)
    dead = Worker.objects.create(name="dead", expires_at=datetime.now(UTC) - timedelta(minutes=5), **lease)
    for pk in (alive.pk, dead.pk, uuid4(), uuid4()):
        Totals.objects.create(pk=pk, counts={"lease_renewals": {"": 2}, "flush_rows": {"": [3.0, 0, 1]}})
    before = added(Totals.objects.values_list("counts", flat=True))
    fold_now()
    fold_now()
    assert set(Totals.objects.values_list("pk", flat=True)) == {alive.pk, REST}
    assert added(Totals.objects.values_list("counts", flat=True)) == before
    assert before == {"lease_renewals": {"": 8}, "flush_rows": {"": [12.0, 0, 4]}}


@async_to_sync
async def fold_now() -> None:
    async with await AsyncConnection.connect(conninfo("test")) as its:
        await fold(its)


def test_histogram_is_cumulated_for_prometheus() -> None:
    spread = Histogram()
    for value in (0.00005, 0.3, 0.3, 9_999.0, -1.0):
        spread.observe(value)
    (metric,) = [
        m for m in families({"execution_seconds": {"": spread.as_json()}}) if m.name == "agentflow_execution_seconds"
    ]
    buckets = {s.labels["le"]: s.value for s in metric.samples if s.name.endswith("_bucket")}
    assert len(buckets) == len(SECONDS) + 1
    assert (buckets["0.0001"], buckets["0.25"], buckets["0.5"], buckets["1800.0"], buckets["+Inf"]) == (2, 2, 4, 4, 5)


def test_worker_of_an_older_release_may_know_fewer_bounds() -> None:
    (sums,) = added([{"m": {"": [1.0, 5, 1]}}, {"m": {"": [1.0, 0, 1, 2]}}])["m"].values()
    assert sums == [2.0, 5, 2, 2]


def test_results_taken_over_count_but_took_no_time() -> None:
    gauges = Gauges()
    row = NodeRow(uuid4(), "a", "core.value", (), 0, [], Status.COMPLETED, started_at=NOW, ended_at=NOW, reused=True)
    ending = Ending(Status.COMPLETED, "", None, encode({}), NOW, NOW + timedelta(seconds=2))
    gauges.flushed([(None, Batch([row], [], [], [], 1, {}, ending, None, []))], 0.001)  # type: ignore[list-item]  # unused
    counts = gauges.counts()
    assert counts["node_executions"] == {"completed|core.value": 1}
    assert sum(counts["node_seconds"]["core.value"]) == 0
    assert counts["execution_seconds"][""][0] == 2


def test_recent_forgets_what_is_older_than_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr("executions.gauges.monotonic", lambda: now[0])
    gauges = Gauges()
    gauges._nodes = 10
    assert gauges.recent()["node_executions"] == 10
    now[0] = 59.0
    assert gauges.recent() == {"seconds": 59.0, "executions": 0, "node_executions": 10}
    now[0] = 61.0
    gauges._nodes = 12
    assert gauges.recent() == {"seconds": 61.0, "executions": 0, "node_executions": 2}


def test_statements_of_the_database_are_measured(alice: User) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    assert total(scraped(), "django_db_query_duration_seconds_count") > 0
