"""What the overview asks a person to look at."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from agentflow.pages.attention import needs_attention
from executions.engine.status import Status
from executions.models import NodeJob, Worker
from tests import factories
from tests.executions import recorded
from tests.pages.questions import asked


def failures(user: User) -> list[tuple[str, str]]:
    return [(notice.title, notice.text) for notice in needs_attention(user) if notice.title == "Nightly"]


def test_failures_say_why_the_newest_run_failed(alice: User) -> None:
    graph = factories.graph(alice, name="Nightly")
    for detail in ("No such file.", "No luck today."):
        recorded.execution(graph, status=Status.FAILED, error={"detail": detail})
    assert failures(alice) == [("Nightly", "2 runs failed in the last 24 hours, last: No luck today.")]


def test_a_failure_without_a_reason_is_told_too(alice: User) -> None:
    recorded.execution(factories.graph(alice, name="Nightly"), status=Status.FAILED)
    assert failures(alice) == [("Nightly", "1 run failed in the last 24 hours.")]


def test_failures_of_others_are_not_told(alice: User) -> None:
    recorded.execution(factories.graph(alice, name="Nightly"), status=Status.FAILED)
    assert failures(factories.user("charlie")) == []


def test_open_questions_are_told_to_who_may_decide(alice: User, bob: User) -> None:
    graph = factories.graph(alice, "ask", name="Nightly")
    factories.share(graph, bob)
    for _ in range(2):
        asked(graph)
    assert failures(alice) == [("Nightly", "2 questions wait for a decision.")]
    assert failures(bob) == []


def test_pages_say_that_no_worker_is_there_until_one_is(client: Client, alice: User) -> None:
    client.force_login(alice)
    for address in ("overview", "graphs", "executions", "approvals", "account"):
        page = client.get(reverse(address)).content.decode()
        assert "No worker is running." in page
        assert "Tell whoever runs this installation." in page
    hosting()
    assert "No worker is running" not in client.get(reverse("executions")).content.decode()


def test_staff_are_told_what_to_start(client: Client, admin: User) -> None:
    client.force_login(admin)
    page = client.get(reverse("executions")).content.decode()
    assert "manage.py rqworker</code>" in page
    assert reverse("admin:executions_worker_stuck") in page


def test_a_missing_nodes_worker_is_told_only_while_steps_wait(client: Client, alice: User) -> None:
    hosting()
    client.force_login(alice)
    run = recorded.execution(factories.graph(alice))
    assert "nodes worker" not in client.get(reverse("executions")).content.decode()
    too_long = timezone.now() - timedelta(minutes=1)
    NodeJob.objects.create(execution=run, node_execution_id=uuid4(), payload={}, created_at=too_long)
    assert "No nodes worker is running" in client.get(reverse("executions")).content.decode()


def test_runs_that_wait_in_the_queue_are_told_by_how_long_they_wait(alice: User) -> None:
    graph = factories.graph(alice)
    for seconds in (0, 60):
        queued_at = timezone.now() - timedelta(seconds=seconds)
        recorded.execution(
            graph, status=Status.QUEUED, queued_at=queued_at, created_at=timezone.now() - timedelta(days=1)
        )
    assert [notice.text for notice in needs_attention(alice)] == ["1 run has waited for a worker for more than 30 s."]


def hosting() -> None:
    least: dict[str, Any] = {"name": "w", "host": "h", "process_id": 1, "capacity": 9, "version": "1"}
    Worker.objects.create(queue="default", expires_at=timezone.now() + timedelta(seconds=7.5), **least)
