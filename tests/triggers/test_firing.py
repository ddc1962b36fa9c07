"""What is due runs once, whoever looks and whatever is cut off; what cannot run is paused loudly."""

from datetime import UTC, datetime, timedelta
from threading import Barrier, Thread
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import OperationalError, connection, connections, transaction
from django.utils import timezone

from agentflow.graphs.models import Graph, Role
from agentflow.graphs.services import create_graph, delete_graph, publish
from agentflow.graphs.signals import trigger_paused
from agentflow.graphs.spec import GraphSpec, NodeSpec
from agentflow.triggers import firing, services
from agentflow.triggers.checking import TriggerRefused
from agentflow.triggers.firing import LATE, MOST_MISSED, fire_due, wanted
from agentflow.triggers.models import Missed, Schedule
from agentflow.triggers.starting import start
from executions import chores
from executions.models import Execution
from executions.origin import trigger_of
from tests import factories
from tests.executions.hosting import hosting
from tests.waiting import until

pytestmark = pytest.mark.django_db

ASKS = GraphSpec(
    name="Asks",
    nodes=(
        NodeSpec("a", "io.input", {"name": "who", "type": "text", "required": True}),
        NodeSpec("b", "io.input", {"name": "at", "type": "text"}),
    ),
)


@pytest.fixture
def graph(alice: User) -> Graph:
    made = factories.graph(alice, "a")
    made.nodes.update(config={"value": 1})
    return made


def made(graph: Graph, **members: Any) -> Schedule:
    return services.create_trigger(Schedule, graph, owner=graph.owner, **{"cron": "*/5 * * * *", **members})


def due(schedule: Schedule, ago: timedelta = timedelta(seconds=5)) -> Schedule:
    """The schedule as if it had been due so long ago, on the second."""
    moment = (timezone.now() - ago).replace(microsecond=0)
    Schedule.objects.filter(pk=schedule.pk).update(due_at=moment)
    schedule.refresh_from_db()
    return schedule


def runs(schedule: Schedule) -> list[Execution]:
    return list(Execution.objects.filter(trigger="schedule", idempotency_key__startswith=f"schedule:{schedule.pk}:"))


def test_a_due_schedule_starts_one_run_and_is_due_again(graph: Graph) -> None:
    schedule = due(made(graph))
    fire_due()
    fire_due()
    (run,) = runs(schedule)
    promised = schedule.due_at
    schedule.refresh_from_db()
    assert promised is not None
    assert run.idempotency_key == f"schedule:{schedule.pk}:{promised.isoformat()}"
    assert (run.owner, run.graph, trigger_of(run.trigger, run.idempotency_key)) == (
        graph.owner,
        graph,
        ("schedule", schedule.pk),
    )
    assert (schedule.last_execution, schedule.last_due_at) == (run.pk, promised)
    assert schedule.due_at is not None
    assert schedule.due_at > timezone.now()


def test_what_is_not_due_starts_nothing(graph: Graph) -> None:
    schedule = made(graph)
    fire_due()
    assert runs(schedule) == []


def test_it_runs_the_published_version_and_else_the_draft(graph: Graph, alice: User) -> None:
    schedule = due(made(graph))
    fire_due()
    published = publish(graph, user=alice)
    graph.nodes.update(title="Changed")
    Graph.objects.filter(pk=graph.pk).update(revision=1)
    due(schedule, timedelta(seconds=4))
    fire_due()
    assert {run.version.number for run in runs(schedule)} == {published.number}
    Graph.objects.filter(pk=graph.pk).update(published=None, revision=2)
    graph.nodes.update(config={"value": 2})
    due(schedule, timedelta(seconds=3))
    fire_due()
    assert sorted(run.version.number for run in runs(schedule)) == [1, 1, 2]


def test_inputs_are_given_and_the_due_time_too(alice: User) -> None:
    schedule = due(made(create_graph(owner=alice, spec=ASKS), inputs={"who": "Ada"}, time_input="at"))
    fire_due()
    (run,) = runs(schedule)
    assert schedule.due_at is not None
    assert run.inputs == {"who": "Ada", "at": schedule.due_at.isoformat()}


@pytest.mark.parametrize(
    ("missed", "count"), [(Missed.ONCE, 1), (Missed.ALL, 13), (Missed.SKIP, 0)], ids=lambda value: str(value)
)
def test_what_was_missed_follows_the_policy(graph: Graph, missed: Missed, count: int) -> None:
    now = datetime(2026, 1, 1, 12, 3, tzinfo=UTC)
    schedule = Schedule(graph=graph, cron="*/5 * * * *", missed=missed, due_at=datetime(2026, 1, 1, 11, tzinfo=UTC))
    times = wanted(schedule, now)
    assert len(times) == count
    assert times == sorted(times)
    assert not times or times[-1] == datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize("missed", Missed)
def test_what_is_hardly_late_is_not_missed(graph: Graph, missed: Missed) -> None:
    at = datetime(2026, 1, 1, 12, tzinfo=UTC)
    assert wanted(Schedule(graph=graph, cron="0 * * * *", missed=missed, due_at=at), at + LATE) == [at]


def test_catching_up_is_bounded(graph: Graph) -> None:
    at = datetime(2020, 1, 1, tzinfo=UTC)
    schedule = Schedule(graph=graph, cron="* * * * *", missed=Missed.ALL, due_at=at)
    times = wanted(schedule, at + timedelta(days=2_000))
    assert (len(times), times[-1]) == (MOST_MISSED, at + timedelta(days=2_000))


def test_all_that_was_missed_runs_in_one_round(graph: Graph) -> None:
    schedule = due(made(graph, cron="0 * * * *", missed=Missed.ALL), timedelta(hours=3))
    fire_due()
    fire_due()
    assert len(runs(schedule)) in (4, 5)  # the promised one, and each full hour since


def test_two_schedulers_fire_once(graph: Graph, transactional_db: None) -> None:
    due_ones = [due(made(graph)) for _ in range(10)]
    barrier = Barrier(4)

    def sweep() -> None:
        barrier.wait()
        try:
            for _ in range(3):
                fire_due()
        finally:
            connections.close_all()

    threads = [Thread(target=sweep) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    fire_due()  # what somebody skipped because another one had it locked
    assert [len(runs(schedule)) for schedule in due_ones] == [1] * 10


def test_a_crash_between_claim_and_start_loses_nothing(
    graph: Graph, transactional_db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    schedule = due(made(graph))

    def crashed(*_: Any, **__: Any) -> None:
        """The session ends as it does when its process is killed, with the row locked."""
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            (session,) = cursor.fetchone()
        other = connections.create_connection("default")
        with other.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [session])
        other.close()
        Execution.objects.exists()

    with monkeypatch.context() as patch:
        patch.setattr(firing, "start", crashed)
        with pytest.raises(OperationalError):
            fire_due()
    connection.close()
    assert runs(schedule) == []
    fire_due()
    fire_due()
    assert len(runs(schedule)) == 1


def test_a_crash_after_the_start_runs_it_once(
    graph: Graph, transactional_db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    schedule = due(made(graph))
    with monkeypatch.context() as patch:
        patch.setattr(firing, "following", lambda *_: 1 / 0)  # after start, before the commit

        def killed(*_: Any, **__: Any) -> None:
            raise OperationalError("killed")

        patch.setattr(firing, "pause", killed)
        with pytest.raises(OperationalError):
            fire_due()
    assert runs(schedule) == []
    fire_due()
    assert len(runs(schedule)) == 1


def test_a_due_time_that_has_run_already_runs_no_second_time(graph: Graph) -> None:
    schedule = due(made(graph))
    moment = schedule.due_at
    fire_due()
    Schedule.objects.filter(pk=schedule.pk).update(due_at=moment)  # a backup was restored, say
    fire_due()
    assert len(runs(schedule)) == 1


@pytest.fixture
def told() -> Any:
    heard: list[dict[str, Any]] = []

    def hear(sender: Any, **details: Any) -> None:
        heard.append(details)

    trigger_paused.connect(hear)
    yield heard
    trigger_paused.disconnect(hear)


def paused(schedule: Schedule) -> str:
    schedule.refresh_from_db()
    assert (schedule.paused_at is None) == (schedule.due_at is not None)
    return schedule.pause_reason if schedule.paused_at else "goes on"


def test_a_deleted_graph_pauses_it_loudly(graph: Graph, told: list[dict[str, Any]]) -> None:
    schedule = made(graph, name="Nightly")
    delete_graph(graph, by=graph.owner)
    assert paused(schedule) == "Its graph was deleted."
    assert (schedule.graph, schedule.graph_name) == (None, "Graph")
    assert [(each["kind"], each["name"], each["reason"]) for each in told] == [
        ("schedule", "Nightly", "Its graph was deleted.")
    ]
    with pytest.raises(TriggerRefused, match="deleted"):
        services.resume_trigger(schedule, user=graph.owner)


def test_a_graph_that_vanished_in_another_way_pauses_it_when_it_is_due(graph: Graph, told: list[Any]) -> None:
    schedule = due(made(graph))
    Graph.objects.filter(pk=graph.pk).delete()
    fire_due()
    assert (paused(schedule), len(told)) == ("Its graph was deleted.", 1)


def test_a_broken_graph_pauses_it_loudly(graph: Graph, told: list[Any]) -> None:
    schedule = due(made(graph))
    graph.nodes.update(block="no.such")
    Graph.objects.filter(pk=graph.pk).update(revision=1)
    fire_due()
    assert "no.such" in paused(schedule)
    assert len(told) == 1


def test_inputs_that_do_not_fit_any_more_pause_it(alice: User) -> None:
    schedule = due(made(create_graph(owner=alice, spec=ASKS), inputs={"who": "Ada"}))
    Schedule.objects.filter(pk=schedule.pk).update(inputs={})
    fire_due()
    assert paused(schedule) == "“who”: a value is needed"


def test_it_runs_only_while_its_owner_may(graph: Graph, bob: User) -> None:
    share = factories.share(graph, bob, Role.EDITOR)
    schedule = services.create_trigger(Schedule, graph, owner=bob, cron="* * * * *")
    share.delete()
    due(schedule)
    fire_due()
    assert paused(schedule) == "bob may not run this graph any more."


def test_a_person_who_is_gone_pauses_it(graph: Graph, bob: User) -> None:
    factories.share(graph, bob, Role.EDITOR)
    schedule = services.create_trigger(Schedule, graph, owner=bob, cron="* * * * *")
    bob.delete()
    due(schedule)
    fire_due()
    assert paused(schedule).startswith("The person in whose name it ran is gone.")


def test_one_with_a_defect_holds_up_no_other(graph: Graph, monkeypatch: pytest.MonkeyPatch) -> None:
    bad, good = due(made(graph), timedelta(seconds=9)), due(made(graph))
    real = start

    def failing(schedule: Any, *args: Any, **kwargs: Any) -> Execution:
        if schedule.pk == bad.pk:
            raise ZeroDivisionError
        return real(schedule, *args, **kwargs)

    monkeypatch.setattr(firing, "start", failing)
    fire_due()
    assert paused(bad) == firing.DEFECT
    assert len(runs(good)) == 1


def test_it_can_pause_and_go_on_without_what_was_due_meanwhile(graph: Graph) -> None:
    schedule = due(made(graph))
    services.pause_trigger(schedule, user=graph.owner)
    fire_due()
    assert (paused(schedule), runs(schedule)) == ("", [])
    services.resume_trigger(schedule, user=graph.owner)
    fire_due()
    assert (paused(schedule), runs(schedule)) == ("goes on", [])


def test_another_expression_is_due_anew(graph: Graph) -> None:
    schedule = made(graph, cron="0 0 1 1 *")
    first = schedule.due_at
    services.change_trigger(schedule, {"cron": "* * * * *", "time_zone": "Asia/Tokyo"}, user=graph.owner)
    schedule.refresh_from_db()
    assert first is not None
    assert schedule.due_at is not None
    assert schedule.due_at < first


def test_a_test_runs_now_and_changes_nothing(graph: Graph) -> None:
    schedule = made(graph)
    before = schedule.due_at
    services.test_trigger(schedule, user=graph.owner)
    services.test_trigger(schedule, user=graph.owner)
    schedule.refresh_from_db()
    assert (schedule.due_at, len(runs(schedule))) == (before, 2)


def test_it_is_fired_by_any_hosting_worker(graph: Graph, transactional_db: None, settings: Any) -> None:
    settings.SWEEP_SECONDS = 0.1
    schedule = due(made(graph), timedelta(hours=2))
    with hosting():
        until(lambda: Execution.objects.filter(trigger="schedule", status="completed").exists())
    assert len(runs(schedule)) == 1


def test_a_chore_that_fails_does_not_end_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    def failing() -> None:
        raise RuntimeError("defect")

    monkeypatch.setitem(chores._chores, "failing", failing)
    with transaction.atomic():
        chores.carry_out("failing")
