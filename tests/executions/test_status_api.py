"""`GET /api/v1/status/`: how the installation is."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries
from rest_framework.test import APIClient

from executions.engine.status import Status
from executions.models import NodeJob, Totals, Worker
from tests import factories
from tests.executions import recorded
from tests.executions.hosting import hosting, run
from tests.waiting import until

ADDRESS = "/api/v1/status/"


@pytest.fixture
def admin_api(admin: User, api: APIClient) -> APIClient:
    api.force_authenticate(admin)
    return api


def worker(name: str, *, queue: str = "default", capacity: int = 4) -> Worker:
    expires_at = timezone.now() + timedelta(minutes=1)
    return Worker.objects.create(
        name=name, host="h", process_id=7, queue=queue, capacity=capacity, version="1.2", expires_at=expires_at
    )


def test_staff_see_the_pool(admin_api: APIClient, alice: User, redis_url: str) -> None:
    one = worker("one")
    worker("nodes", queue="nodes", capacity=1)
    graph, now = factories.graph(alice), timezone.now()
    run = recorded.execution(graph, holder=one)
    recorded.execution(graph, status=Status.WAITING)
    recorded.execution(graph, status=Status.QUEUED, queued_at=now - timedelta(seconds=30))
    NodeJob.objects.create(node_execution_id=uuid4(), execution=run, payload={}, claimed_at=now, beat_at=now)
    Totals.objects.create(pk=one.pk, counts={}, recent={"seconds": 60.0, "executions": 30, "node_executions": 600})
    found = admin_api.get(ADDRESS).json()
    assert (found["sees"], found["database"], found["redis"]) == ("everything", True, True)
    assert found["executions"] == {"queued": 1, "running": 1, "waiting": 1}
    default, nodes = found["queues"]
    assert default.pop("oldest_seconds") >= 30
    places = {"slots": 4, "hosted": 1, "free": 3, "utilisation": 0.25}
    assert default == {"name": "default", "depth": 1, "workers": 1, **places}
    assert (nodes["hosted"], nodes["free"], nodes["utilisation"]) == (1, 0, 1)
    assert found["throughput"] == {"executions": 0.5, "node_executions": 10}
    shown, other = found["workers"]
    assert {"name": "one", "version": "1.2", "process_id": 7, **places}.items() <= shown.items()
    assert (other["queue"], other["hosted"]) == ("nodes", None)


def test_others_see_what_is_theirs(alice_api: APIClient, alice: User, bob: User) -> None:
    worker("one")
    for owner in (alice, bob, bob):
        run = recorded.execution(factories.graph(owner), status=Status.QUEUED)
        NodeJob.objects.create(node_execution_id=uuid4(), execution=run, payload={})
    found = alice_api.get(ADDRESS).json()
    assert (found["sees"], found["workers"], found["throughput"]) == ("own", None, None)
    assert found["executions"]["queued"] == 1
    assert [(queue["depth"], queue["workers"], queue["hosted"]) for queue in found["queues"]] == [
        (1, 1, None),
        (1, 0, None),
    ]


def test_nobody_sees_nothing(api: APIClient, db: None) -> None:
    assert api.get(ADDRESS).status_code == 401


@pytest.mark.parametrize("many", [1, 6])
def test_status_takes_the_same_queries_however_much_there_is(
    admin_api: APIClient, alice: User, many: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(many):
        recorded.execution(factories.graph(alice), holder=worker(f"w{number}"))
    with django_assert_num_queries(5):
        assert len(admin_api.get(ADDRESS).json()["workers"]) == many


@pytest.mark.django_db(transaction=True)
@pytest.mark.redis
def test_running_worker_is_shown_with_what_it_did_lately(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("django.conf.settings.LEASE_RENEW_SECONDS", 0.1)
    admin, api = factories.user("admin", is_staff=True), APIClient()
    api.force_authenticate(admin)
    with hosting(slots=8):
        run(admin, {"a": ("core.value", {"value": 1})})
        found = until(lambda: (answer := api.get(ADDRESS).json())["throughput"]["executions"] and answer)
    assert [(worker["slots"], worker["hosted"]) for worker in found["workers"]] == [(8, 0)]
