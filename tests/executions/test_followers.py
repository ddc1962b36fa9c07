"""Endings are told to each follower once, whatever fails or dies meanwhile."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.db import connection
from django.db.models.functions import Now

from executions import followers, services
from executions.ending import FAIL
from executions.engine.status import Status
from executions.models import EndedRun, Execution
from tests import factories
from tests.executions import recorded
from tests.executions.hosting import drawn, ended, hosting
from tests.waiting import until

pytestmark = pytest.mark.django_db


class Listener:
    """A follower that keeps in the database what it was told: a group for each ending."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.fails_for: set[Any] = set()
        self.dies = False

    def __call__(self, runs: Sequence[Execution]) -> None:
        for run in runs:
            Group.objects.create(name=f"{self.name}: {run.pk}")
        if self.dies:
            raise KeyboardInterrupt
        for run in runs:
            if run.pk in self.fails_for:
                raise ValueError("no")

    @property
    def told(self) -> list[str]:
        names = Group.objects.filter(name__startswith=f"{self.name}: ").order_by("pk").values_list("name", flat=True)
        return [name.partition(": ")[2] for name in names]


@pytest.fixture
def one(monkeypatch: pytest.MonkeyPatch) -> Listener:
    monkeypatch.setattr(followers, "_followers", {})
    return _registered("one")


@pytest.fixture
def two(one: Listener) -> Listener:
    return _registered("two")


def _registered(name: str) -> Listener:
    listener = Listener(name)
    followers.register(name, listener)
    return listener


def failed(owner: User, **fields: Any) -> Execution:
    """An execution that somebody gave up."""
    run = recorded.execution(factories.graph(owner, "a"), **fields)
    with connection.cursor() as cursor:
        cursor.execute(FAIL, {"ids": [run.pk], "epoch": None, "reason": "lost", "error": "{}"})
    return run


def cancelled(owner: User, *, is_followed: bool) -> Execution:
    run = recorded.execution(factories.graph(owner, "a"), status=Status.QUEUED)
    if is_followed:
        followers.follow(run.graph, name="one")
    services.cancel_execution(run, user=owner)
    return run


def waiting() -> set[Any]:
    return set(EndedRun.objects.values_list("pk", flat=True))


def test_a_failure_is_told_to_each_follower_and_forgotten(alice: User, one: Listener, two: Listener) -> None:
    run = failed(alice)
    followers.tell()
    assert (one.told, two.told, waiting()) == ([str(run.pk)], [str(run.pk)], set())


def test_what_a_parent_waits_for_is_not_told(alice: User, one: Listener) -> None:
    parent = recorded.execution(factories.graph(alice, "a"))
    failed(alice, parent=parent)
    assert waiting() == set()


def test_other_endings_are_told_of_followed_graphs_only(alice: User, one: Listener) -> None:
    run, _ = cancelled(alice, is_followed=True), cancelled(alice, is_followed=False)
    assert waiting() == {run.pk}


def test_endings_are_told_in_their_order(alice: User, one: Listener) -> None:
    runs = [failed(alice) for _ in range(3)]
    EndedRun.objects.filter(pk=runs[0].pk).update(created_at=Now() + timedelta(hours=1))
    followers.tell()
    assert one.told == [str(runs[index].pk) for index in (1, 2, 0)]


def test_a_follower_that_dies_is_told_again_and_the_others_are_not(alice: User, one: Listener, two: Listener) -> None:
    run = failed(alice)
    two.dies = True
    with pytest.raises(KeyboardInterrupt):
        followers.tell()
    assert (one.told, two.told, waiting()) == ([str(run.pk)], [], {run.pk})
    two.dies = False
    followers.tell()
    assert (one.told, two.told, waiting()) == ([str(run.pk)], [str(run.pk)], set())


def test_a_failing_follower_keeps_nobody_from_knowing(alice: User, one: Listener, two: Listener) -> None:
    bad, good = failed(alice), failed(alice)
    one.fails_for = {bad.pk}
    followers.tell()
    assert (one.told, two.told) == ([str(good.pk)], [str(bad.pk), str(good.pk)])
    row = EndedRun.objects.get()
    assert (row.pk, row.handled_by, row.failed_by, row.failures) == (bad.pk, ["two"], ["one"], 1)


def test_it_is_told_again_when_some_time_has_passed(alice: User, one: Listener) -> None:
    bad = failed(alice)
    one.fails_for = {bad.pk}
    followers.tell()
    one.fails_for = set()
    followers.tell()
    assert one.told == []
    EndedRun.objects.update(not_before=Now())
    followers.tell()
    assert (one.told, waiting()) == ([str(bad.pk)], set())


def test_more_than_a_batch_is_told(alice: User, one: Listener, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(followers, "BATCH", 2)
    runs = [failed(alice) for _ in range(5)]
    followers.tell()
    assert set(one.told) == {str(run.pk) for run in runs}


def test_an_execution_that_is_gone_is_forgotten(alice: User, one: Listener) -> None:
    Execution.objects.filter(pk=failed(alice).pk).delete()
    followers.tell()
    assert (one.told, waiting()) == ([], set())


@pytest.fixture
def worker(transactional_db: None) -> Iterator[None]:
    with hosting():
        yield


@pytest.mark.redis
@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("worker")
def test_a_worker_writes_endings_and_tells_them(alice: User, one: Listener) -> None:
    graph = drawn(alice, {"a": ("core.fail", {"message": "no"})})
    run = ended(services.start_execution(graph, user=alice, inputs={}))
    fine = drawn(alice, {"a": ("core.value", {"value": 1})})
    ended(services.start_execution(fine, user=alice, inputs={}))
    followers.follow(fine, name="one")
    known = ended(services.start_execution(fine, user=alice, inputs={}))
    until(lambda: len(one.told) == 2)
    assert set(one.told) == {str(run.pk), str(known.pk)}
