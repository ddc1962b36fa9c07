"""Whose turn it is: owners one after the other, limits of graphs and of users, and a claim that no queue makes slow."""

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine
from datetime import timedelta
from typing import Any, TypeVar

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.utils import timezone

from agentflow.graphs.models import Graph
from executions import services
from executions.engine.status import Status
from executions.models import Execution, UserLimit, Worker
from executions.store import Claim, Store
from tests import factories
from tests.executions import recorded
from tests.executions.hosting import drawn, hosting
from tests.waiting import until

pytestmark = pytest.mark.django_db(transaction=True)

T = TypeVar("T")


@pytest.fixture
def worker(transactional_db: None) -> Worker:
    later = timezone.now() + timedelta(days=1)
    return Worker.objects.create(
        name="w", host="h", process_id=1, queue="default", capacity=9, version="1", expires_at=later
    )


@pytest.fixture
def alice(transactional_db: None) -> User:
    return factories.user("alice")


@pytest.fixture
def bob(transactional_db: None) -> User:
    return factories.user("bob")


def graph(owner: User, **fields: Any) -> Graph:
    made = factories.graph(owner)
    Graph.objects.filter(pk=made.pk).update(**fields)
    return made


def queue(graph: Graph, many: int, owner: User | None = None) -> None:
    version = recorded.version(graph)
    Execution.objects.bulk_create(
        Execution(graph=graph, version=version, owner=owner or graph.owner) for _ in range(many)
    )


def stored(worker: Worker, act: Callable[[Store], Coroutine[Any, Any, T]]) -> T:
    async def run() -> T:
        async with Store(worker.pk, "w").opened() as store:
            return await act(store)

    return asyncio.run(run())


def claim(worker: Worker, limit: int, extra: int = 0) -> list[Claim]:
    return stored(worker, lambda store: store.claim(limit, extra=extra))


def by_user(claims: list[Claim]) -> dict[str, int]:
    return dict(Counter(each.user_name for each in claims))


def test_owners_come_one_after_the_other(worker: Worker, alice: User, bob: User) -> None:
    queue(graph(alice), 30)
    queue(graph(bob), 30)
    assert by_user(claim(worker, 10)) == {"alice": 5, "bob": 5}


def test_whoever_has_least_running_comes_first(worker: Worker, alice: User, bob: User) -> None:
    queue(graph(alice), 30)
    claim(worker, 10)
    queue(graph(bob), 30)
    assert by_user(claim(worker, 8)) == {"bob": 8}


def test_of_one_owner_the_oldest_comes_first(worker: Worker, alice: User) -> None:
    first, second = graph(alice), graph(alice)
    for _ in range(3):
        queue(second, 1)
        queue(first, 1)
    oldest = list(Execution.objects.order_by("pk").values_list("pk", flat=True)[:4])
    assert [each.id for each in claim(worker, 4)] == oldest


def test_a_limit_of_a_graph_lets_its_others_pass(worker: Worker, alice: User) -> None:
    limited, free = graph(alice, most_running=2), graph(alice)
    queue(limited, 20)
    queue(free, 3)
    assert Counter(each.graph for each in claim(worker, 20)) == {limited.pk: 2, free.pk: 3}
    assert claim(worker, 20) == []


def test_an_ended_run_gives_its_place_to_the_next(worker: Worker, alice: User) -> None:
    queue(graph(alice, most_running=1), 3)
    (first,) = claim(worker, 20)
    recorded.finish(Execution.objects.get(pk=first.id))
    assert len(claim(worker, 20)) == 1


def test_a_run_that_waits_takes_no_place(worker: Worker, alice: User) -> None:
    queue(graph(alice, most_running=1), 3)
    (first,) = claim(worker, 20)
    Execution.objects.filter(pk=first.id).update(status=Status.WAITING, holder=None)
    assert len(claim(worker, 20)) == 1


def test_two_owners_share_the_limit_of_a_graph(worker: Worker, alice: User, bob: User) -> None:
    shared = graph(alice, most_running=4)
    queue(shared, 20)
    queue(shared, 20, owner=bob)
    assert by_user(claim(worker, 20)) == {"alice": 2, "bob": 2}


def test_a_user_may_have_a_limit(worker: Worker, alice: User, bob: User) -> None:
    UserLimit.objects.create(user=alice, most_running=3)
    for owner in (alice, alice, bob):
        queue(graph(owner), 5)
    assert by_user(claim(worker, 20)) == {"alice": 3, "bob": 5}


def test_the_settings_give_the_limits_that_are_not_set(
    worker: Worker, alice: User, bob: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "GRAPH_EXECUTIONS", 2)
    monkeypatch.setattr(settings, "USER_EXECUTIONS", 3)
    UserLimit.objects.create(user=bob, most_running=0)
    for owner in (alice, alice, bob, bob):
        queue(graph(owner), 5)
    queue(graph(bob, most_running=0), 5)
    assert by_user(claim(worker, 50)) == {"alice": 3, "bob": 9}


def test_workers_that_claim_at_once_keep_a_limit(worker: Worker, alice: User) -> None:
    queue(graph(alice, most_running=7), 50)

    async def all_at_once(store: Store) -> list[list[Claim]]:
        return await asyncio.gather(*(store.claim(5) for _ in range(12)))

    claims = [each.id for some in stored(worker, all_at_once) for each in some]
    assert len(claims) == len(set(claims)) == 7


def test_places_beyond_the_slots_are_for_those_who_have_none(worker: Worker, alice: User, bob: User) -> None:
    queue(graph(alice), 30)
    claim(worker, 5)
    queue(graph(bob), 30)
    assert by_user(claim(worker, 0, extra=3)) == {"bob": 1}


def test_of_many_owners_everybody_has_a_turn(worker: Worker) -> None:
    owners = [factories.user(f"u{number}") for number in range(60)]
    for owner in owners:
        queue(graph(owner), 3)

    async def until_empty(store: Store) -> list[list[Claim]]:
        return [await store.claim(50) for _ in range(4)]

    claims = stored(worker, until_empty)
    assert [len(some) for some in claims] == [50, 50, 50, 30]
    assert len({each.user_id for each in claims[0] + claims[1]}) == 60


def test_a_locked_run_is_left_to_who_holds_it(worker: Worker, alice: User) -> None:
    queue(graph(alice), 2)
    first = Execution.objects.order_by("pk").values_list("pk", flat=True)[0]

    async def beside_a_lock(store: Store) -> list[Claim]:
        async with store.transaction() as held:
            await held.execute("SELECT 1 FROM executions_execution WHERE id = %s FOR UPDATE", (first,))
            return await store.claim(10)

    assert [each.id == first for each in stored(worker, beside_a_lock)] == [False]


@pytest.mark.slow
def test_ten_thousand_queued_runs_delay_nobody_else(alice: User, bob: User) -> None:
    """On a real worker: from bob's start to the moment at which his run has a place."""
    others = drawn(alice, {"a": ("core.value", {"value": 1})})
    mine = drawn(bob, {"a": ("core.value", {"value": 1})})
    for _ in range(10):
        services.start_executions(others, user=alice, inputs_list=[{}] * 1_000)
    with hosting():
        until(lambda: Execution.objects.filter(graph=others, status=Status.COMPLETED).count() > 100)
        run = services.start_execution(mine, user=bob, inputs={})
        until(lambda: Execution.objects.filter(pk=run.pk, started_at__isnull=False).exists())
        run.refresh_from_db()
        assert Execution.objects.filter(graph=others, status=Status.QUEUED).count() > 1_000
        assert run.started_at is not None
        assert (run.started_at - run.queued_at).total_seconds() < 1
