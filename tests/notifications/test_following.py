"""What people are told of runs that end."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from agentflow.graphs.models import Graph
from agentflow.notifications.following import tell_endings
from agentflow.notifications.models import Channel, Delivery, GraphWatch, Notification, Rule
from agentflow.notifications.services import own_channels, set_rule
from executions.engine.status import Status
from executions.models import FollowedGraph
from tests import factories
from tests.notifications.runs import complete, ended, fail

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("rung")]


def titles(user: User) -> list[str]:
    return list(Notification.objects.filter(user=user, is_shown=True).order_by("id").values_list("title", flat=True))


def bell(user: User) -> Channel:
    return own_channels(user)[0]


def test_owner_is_told_of_a_failure_with_its_reason(ann: User, graph: Graph) -> None:
    run = fail(graph)
    (told,) = Notification.objects.filter(user=ann)
    assert (told.title, told.text, told.path) == ("“Sales” failed", "a: no such host", f"/executions/{run.pk}/")


def test_a_graph_that_keeps_failing_is_told_with_pauses(ann: User, graph: Graph) -> None:
    for minute in range(25):
        fail(graph, minutes=minute)
    assert titles(ann) == ["“Sales” failed", "“Sales” keeps failing: 11 runs one after the other"]


def test_recovery_is_told_once(ann: User, graph: Graph) -> None:
    fail(graph)
    complete(graph, minutes=1)
    complete(graph, minutes=2)
    assert titles(ann) == ["“Sales” failed", "“Sales” is all right again"]


def test_completed_runs_are_followed_only_while_recovery_matters(graph: Graph) -> None:
    fail(graph)
    assert FollowedGraph.objects.filter(graph=graph).exists()
    complete(graph, minutes=1)
    assert not FollowedGraph.objects.filter(graph=graph).exists()


def test_a_run_that_completed_before_anybody_followed_counts_as_recovery(ann: User, graph: Graph) -> None:
    ended(graph, Status.COMPLETED, at=timezone.now() + timedelta(minutes=1), error=None)
    fail(graph)
    assert titles(ann) == ["“Sales” failed", "“Sales” is all right again"]


def test_runs_that_end_together_all_count(graph: Graph) -> None:
    now = timezone.now()
    tell_endings([ended(graph, Status.FAILED, at=now - timedelta(seconds=number % 2)) for number in range(4)])
    assert GraphWatch.objects.get(graph=graph).failures == 4


def test_what_ended_before_the_newest_counts_no_more(ann: User, graph: Graph) -> None:
    fail(graph)
    complete(graph, minutes=2)
    fail(graph, minutes=1)
    assert titles(ann) == ["“Sales” failed", "“Sales” is all right again"]


def test_runs_that_people_start_are_counted_in_one_notification(ann: User, graph: Graph) -> None:
    for _ in range(3):
        fail(graph, trigger="manual")
    (told,) = Notification.objects.filter(user=ann)
    assert told.times == 3


def test_runs_that_people_start_are_not_mailed(ann: User, graph: Graph, settings: pytest.FixtureRequest) -> None:
    fail(graph, trigger="manual")
    assert not Delivery.objects.exists()


def test_strangers_hear_nothing(charlie: User, graph: Graph) -> None:
    Rule.objects.create(channel=bell(charlie), graph=graph)
    fail(graph)
    assert titles(charlie) == []


def test_who_sees_the_graph_and_wants_to_know_is_told(bob: User, graph: Graph) -> None:
    factories.share(graph, bob)
    set_rule(bell(bob), graph, kinds=["failed"])
    fail(graph)
    assert titles(bob) == ["“Sales” failed"]


def test_who_sees_the_graph_and_did_not_ask_is_not_told(bob: User, graph: Graph) -> None:
    factories.share(graph, bob)
    fail(graph)
    assert titles(bob) == []


def test_in_whose_name_it_ran_is_told(bob: User, graph: Graph) -> None:
    factories.share(graph, bob)
    fail(graph, owner=bob)
    assert titles(bob) == ["“Sales” failed"]


def test_a_muted_graph_tells_nothing(ann: User, graph: Graph) -> None:
    set_rule(bell(ann), graph, kinds=[])
    fail(graph)
    assert titles(ann) == []


def test_what_is_not_chosen_is_not_told(ann: User, graph: Graph) -> None:
    Channel.objects.filter(pk=bell(ann).pk).update(kinds=["recovered"])
    fail(graph)
    complete(graph, minutes=1)
    assert titles(ann) == ["“Sales” is all right again"]


def test_a_channel_that_is_off_tells_nothing(ann: User, graph: Graph) -> None:
    from agentflow.notifications.services import change_channel

    change_channel(bell(ann), {"is_on": False})
    fail(graph)
    assert titles(ann) == []
