"""A graph that follows another one starts once for each ending that counts, and never in a circle for ever."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from agentflow.graphs.models import Graph
from agentflow.graphs.services import delete_graph, publish
from agentflow.triggers import chains, services
from agentflow.triggers.chains import LONGEST, TOO_LONG, runs_ended
from agentflow.triggers.checking import TriggerRefused
from agentflow.triggers.models import After, Chain
from executions.models import Execution
from tests.executions import recorded
from tests.executions.hosting import drawn, hosting
from tests.triggers import made
from tests.waiting import until

pytestmark = pytest.mark.django_db


def over(graph: Graph, status: str = "completed", **members: Any) -> Execution:
    return recorded.execution(graph, status=status, ended_at=timezone.now(), **members)


def runs(chain: Chain) -> list[Execution]:
    return list(Execution.objects.filter(trigger="chain", idempotency_key__startswith=f"chain:{chain.pk}:"))


@pytest.fixture
def source(alice: User) -> Graph:
    return made.greeter(alice)


@pytest.fixture
def target(alice: User) -> Graph:
    return made.greeter(alice)


@pytest.mark.parametrize(
    ("after", "status", "count"),
    [
        (After.SUCCESS, "completed", 1),
        (After.SUCCESS, "failed", 0),
        (After.FAILURE, "completed", 0),
        (After.FAILURE, "failed", 1),
        (After.EITHER, "completed", 1),
        (After.EITHER, "failed", 1),
        (After.EITHER, "cancelled", 0),
    ],
)
def test_the_endings_that_count_start_it(source: Graph, target: Graph, after: After, status: str, count: int) -> None:
    chain = made.chain(target, source, after=after, mapping={"who": "status"})
    run = over(source, status)
    runs_ended([run])
    runs_ended([run])  # told again, after a crash
    assert len(runs(chain)) == count


def test_inputs_come_from_what_the_other_run_gave(source: Graph, target: Graph) -> None:
    chain = made.chain(target, source, mapping={"who": "outputs.greeting"}, inputs={"times": 3})
    runs_ended([over(source, outputs={"greeting": "Hi"})])
    (run,) = runs(chain)
    assert run.inputs == {"who": "Hi", "times": 3}


def test_what_cannot_start_pauses_it_loudly(source: Graph, target: Graph) -> None:
    chain = made.chain(target, source)
    runs_ended([over(source)])
    chain.refresh_from_db()
    assert chain.pause_reason == "“who”: a value is needed"


def test_runs_of_nodes_do_not_count(source: Graph, target: Graph) -> None:
    chain = made.chain(target, source, mapping={"who": "status"})
    runs_ended([over(source, parent=over(target))])
    assert runs(chain) == []


def test_a_circle_is_stopped_loudly(source: Graph, target: Graph) -> None:
    for graph in (source, target):
        publish(graph, user=graph.owner)
    there = made.chain(target, source, mapping={"who": "status"})
    back = made.chain(source, target, mapping={"who": "status"})
    run = over(source)
    for number in range(LONGEST + 5):
        runs_ended([run])
        made_now = runs(back if number % 2 else there)
        if len(made_now) <= number // 2:
            break
        run = max(made_now, key=lambda each: each.pk)
        Execution.objects.filter(pk=run.pk).update(status="completed", ended_at=timezone.now())
        run.refresh_from_db()
    there.refresh_from_db()
    back.refresh_from_db()
    assert TOO_LONG in (there.pause_reason, back.pause_reason)
    assert Execution.objects.filter(trigger="chain").count() == LONGEST


def test_a_graph_cannot_follow_itself_or_one_that_is_not_seen(source: Graph, charlie: User) -> None:
    with pytest.raises(TriggerRefused, match="itself"):
        made.chain(source, source)
    with pytest.raises(TriggerRefused, match="no such graph"):
        made.chain(source, made.greeter(charlie))


def test_a_deleted_source_pauses_it(source: Graph, target: Graph) -> None:
    chain = made.chain(target, source)
    delete_graph(source, by=source.owner)
    chain.refresh_from_db()
    assert (chain.pause_reason, chain.source_name) == ("The graph that it follows was deleted.", "Graph")


def test_it_stays_followed_as_long_as_somebody_follows(source: Graph, target: Graph, alice: User) -> None:
    one, two = made.chain(target, source), made.chain(target, source)
    services.delete_trigger(one, user=alice)
    assert source.pk in followed()
    services.delete_trigger(two, user=alice)
    assert source.pk not in followed()


def followed() -> set[int]:
    from executions.models import FollowedGraph

    return set(FollowedGraph.objects.filter(follower=chains.FOLLOWER).values_list("graph_id", flat=True))


def test_a_real_run_starts_the_next_one(alice: User, transactional_db: None, settings: Any) -> None:
    settings.SWEEP_SECONDS = 0.1
    target = made.greeter(alice)
    source = drawn(alice, {"a": ("core.value", {"value": 1})})
    chain = made.chain(target, source, mapping={"who": "graph.name"})
    with hosting():
        from executions.services import start_execution

        start_execution(source, user=alice, inputs={})
        until(lambda: Execution.objects.filter(trigger="chain", status="completed").exists())
    assert len(runs(chain)) == 1
