"""What the overview asks a person to look at."""

from django.contrib.auth.models import User

from agentflow.pages.attention import needs_attention
from executions.engine.status import Status
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
