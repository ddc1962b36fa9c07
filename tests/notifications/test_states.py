"""What is found by its state: open questions, late runs, budgets, paused triggers."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.contrib.auth.models import User
from django.db.models.functions import Now
from django.utils import timezone

from agentflow.costs.models import Budget, BudgetPeriod
from agentflow.graphs.models import Graph, Role
from agentflow.graphs.signals import trigger_paused
from agentflow.notifications.asking import tell_questions
from agentflow.notifications.budgets import tell_budgets
from agentflow.notifications.lateness import set_limits, tell_late
from agentflow.notifications.models import GraphWatch, Notification
from agentflow.notifications.services import own_channels, set_rule
from executions.engine.status import Status
from executions.models import Approval, Execution
from tests import factories
from tests.executions import recorded

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("rung")]


def titles(user: User) -> list[str]:
    return list(Notification.objects.filter(user=user).order_by("id").values_list("title", flat=True))


def asked(graph: Graph, **fields: object) -> Approval:
    run = recorded.execution(graph)
    recorded.record(run, "a", status=Status.WAITING)
    return Approval.objects.create(
        execution=run, node_execution=run.node_executions.get(), kind="approval", instructions="Pay it?", **fields
    )


def test_a_question_is_told_once_to_who_may_decide(ann: User, graph: Graph) -> None:
    approval = asked(graph)
    tell_questions()
    tell_questions()
    (told,) = Notification.objects.filter(user=ann)
    assert (told.title, told.text, told.path) == ("“Sales” waits for approval", "Pay it?", f"/approvals/{approval.pk}/")


def test_who_may_not_decide_is_not_asked(bob: User, graph: Graph) -> None:
    factories.share(graph, bob, Role.VIEWER)
    set_rule(own_channels(bob)[0], graph, kinds=["waiting"])
    asked(graph)
    tell_questions()
    assert titles(bob) == []


def test_what_is_decided_already_is_not_told(ann: User, graph: Graph) -> None:
    asked(graph, decided_at=timezone.now())
    tell_questions()
    assert titles(ann) == []


def test_a_run_that_takes_too_long_is_told_once(ann: User, graph: Graph) -> None:
    set_limits(graph, longest_minutes=90, silent_minutes=None)
    run, _ = recorded.execution(graph), recorded.execution(graph)
    Execution.objects.filter(pk=run.pk).update(created_at=Now() - timedelta(hours=2))
    tell_late()
    tell_late()
    assert titles(ann) == ["A run of “Sales” takes longer than 90 minutes"]


def test_a_graph_that_completes_nothing_for_too_long_is_told_once(ann: User, graph: Graph) -> None:
    set_limits(graph, longest_minutes=None, silent_minutes=1_440)
    tell_late()
    assert titles(ann) == []
    GraphWatch.objects.update(expected_since=Now() - timedelta(days=2))
    tell_late()
    tell_late()
    assert titles(ann) == ["“Sales” is late: no run has completed for 1 day"]


def test_a_completed_run_is_waited_for_anew(ann: User, graph: Graph) -> None:
    set_limits(graph, longest_minutes=None, silent_minutes=60)
    GraphWatch.objects.update(expected_since=Now() - timedelta(days=2))
    recorded.execution(graph, status=Status.COMPLETED)
    tell_late()
    assert titles(ann) == []


def test_a_budget_is_told_when_it_is_nearly_used_up_and_when_it_is(ann: User, graph: Graph) -> None:
    budget = Budget.objects.create(graph=graph, limit=Decimal(10))
    period = BudgetPeriod.objects.create(
        budget=budget, starts_on=timezone.now().date(), spent=Decimal("8.5"), warned_at=timezone.now()
    )
    tell_budgets()
    tell_budgets()
    BudgetPeriod.objects.filter(pk=period.pk).update(spent=Decimal(10), reached_at=timezone.now())
    tell_budgets()
    tell_budgets()
    assert titles(ann) == ["The budget of “Sales” is nearly used up", "The budget of “Sales” is used up"]


def test_a_budget_of_a_person_is_told_to_them(ann: User) -> None:
    budget = Budget.objects.create(user=ann, limit=Decimal(10))
    now = timezone.now()
    BudgetPeriod.objects.create(budget=budget, starts_on=now.date(), spent=10, warned_at=now, reached_at=now)
    tell_budgets()
    assert titles(ann) == ["Your budget is used up"]


def test_a_paused_trigger_is_told(ann: User, graph: Graph) -> None:
    trigger_paused.send(
        Graph, graph=graph, owner=ann, kind="schedule", trigger=1, name="Every night", reason="It has errors."
    )
    (told,) = Notification.objects.filter(user=ann)
    assert (told.kind, told.title, told.text) == ("paused", "The schedule “Every night” was paused", "It has errors.")


def test_a_trigger_whose_graph_is_gone_is_told_to_its_owner(ann: User) -> None:
    trigger_paused.send(Graph, graph=None, owner=ann, kind="schedule", trigger=1, name="N", reason="Deleted.")
    assert titles(ann) == ["The schedule “N” was paused"]
