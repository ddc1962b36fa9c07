"""The admin's page of workers and stuck runs: what it shows, who may act, and that acting is confirmed and logged."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from executions.engine.status import Status
from executions.models import Execution, Worker
from tests import factories
from tests.executions import recorded

pytestmark = [pytest.mark.django_db, pytest.mark.redis]

PAGE = reverse("admin:executions_worker_stuck")
LATE = timedelta(minutes=5)


@pytest.fixture
def site(client: Client, admin: User) -> Client:
    client.force_login(admin)
    return client


@pytest.fixture
def run(alice: User) -> Execution:
    """Held by a worker that is lost since minutes."""
    lost = worker("lost", -LATE.total_seconds())
    return recorded.execution(factories.graph(alice, name="Nightly"), holder=lost, epoch=1)


def worker(name: str, seconds: float, queue: str = "default") -> Worker:
    least: dict[str, Any] = {"host": "h", "process_id": 1, "queue": queue, "capacity": 9, "version": "1"}
    return Worker.objects.create(name=name, expires_at=timezone.now() + timedelta(seconds=seconds), **least)


def text(answer: Any) -> str:
    assert answer.status_code == 200
    return str(answer.content.decode())


def do(client: Client, verb: str, run: Execution, **more: str) -> Any:
    return client.post(PAGE, {"verb": verb, "execution": str(run.pk), **more}, follow=True)


def test_nothing_is_stuck_on_a_good_day(site: Client) -> None:
    worker("w1", 7.5)
    page = text(site.get(PAGE))
    assert "Nothing is stuck." in page
    assert "● Live" in page
    assert "s left" in page
    assert "1 hosting worker, no nodes workers. Nothing is stuck." in text(site.get(reverse("admin:index")))


def test_the_front_page_does_not_count_on_a_worker_that_has_missed_renewals(site: Client) -> None:
    worker("w1", 1.0)
    assert "No hosting workers, no nodes workers, 1 silent." in text(site.get(reverse("admin:index")))


def test_workers_of_isolated_nodes_say_how_many_they_run_at_a_time(site: Client) -> None:
    worker("n1", 7.5, queue="nodes")
    assert "up to 9 steps at a time" in text(site.get(PAGE))


def test_stuck_runs_and_lost_workers_are_shown_and_led_to(site: Client, run: Execution) -> None:
    page = text(site.get(PAGE))
    for part in ("Held by a lost worker", f"{run.pk}"[:13], "Nightly", "✕ Lost", "Hand back…"):
        assert part in page
    front = text(site.get(reverse("admin:index")))
    assert "No hosting workers, no nodes workers. 1 stuck." in front
    assert PAGE in front
    assert PAGE in text(site.get(reverse("admin:executions_worker_changelist")))


def test_a_page_without_any_worker_says_what_to_do(site: Client) -> None:
    assert "manage.py rqworker" in text(site.get(PAGE))


def test_an_action_is_confirmed_before_it_is_done_and_logged(site: Client, run: Execution, admin: User) -> None:
    assert "another worker goes on" in text(do(site, "hand_back", run))
    run.refresh_from_db()
    assert (run.status, LogEntry.objects.count()) == (Status.RUNNING, 0)
    assert "Handed back. 1 run." in text(do(site, "hand_back", run, confirmed="yes"))
    run.refresh_from_db()
    assert (run.status, run.epoch, run.events[-1]["text"]) == (Status.QUEUED, 2, "Handed back by admin")
    entry = LogEntry.objects.get()
    assert (entry.user, entry.object_id, entry.get_change_message()) == (admin, str(run.pk), "Handed back.")


@pytest.mark.parametrize(
    ("verb", "expected"),
    [("ring", (Status.RUNNING, False)), ("cancel", (Status.RUNNING, True)), ("give_up", (Status.FAILED, False))],
)
def test_each_action_does_what_it_says(site: Client, run: Execution, verb: str, expected: Any) -> None:
    do(site, verb, run, confirmed="yes")
    run.refresh_from_db()
    assert (run.status, run.cancel_requested_at is not None) == expected
    assert LogEntry.objects.count() == 1


def test_what_is_over_meanwhile_is_left_alone(site: Client, run: Execution) -> None:
    recorded.finish(run)
    assert "Choose at least one that is not over." in text(do(site, "give_up", run, confirmed="yes"))
    assert "Choose at least one" in text(site.post(PAGE, {"verb": "ring", "execution": "no id"}, follow=True))
    run.refresh_from_db()
    assert (run.status, LogEntry.objects.count()) == (Status.COMPLETED, 0)


def staff(client: Client, *permissions: str) -> Client:
    dora = factories.user("dora", is_staff=True)
    dora.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client.force_login(dora)
    return client


def test_staff_who_may_only_look_may_not_act(client: Client, run: Execution) -> None:
    looking = staff(client, "view_worker", "view_execution")
    assert "Hand back…" not in text(looking.get(PAGE))
    assert do(looking, "hand_back", run, confirmed="yes").status_code == 403
    run.refresh_from_db()
    assert run.status == Status.RUNNING


def test_others_do_not_see_the_page(client: Client) -> None:
    looking = staff(client, "view_worker")
    assert looking.get(PAGE).status_code == 403
    assert PAGE not in text(looking.get(reverse("admin:index")))


def test_an_unknown_action_is_refused(site: Client, run: Execution) -> None:
    assert do(site, "delete", run, confirmed="yes").status_code == 403
