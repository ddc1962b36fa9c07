"""Runs that wait for a time, a person or another graph, and hold no worker meanwhile."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.db.models import F
from django.db.models.functions import Now

from agentflow.graphs.models import Graph
from agentflow.graphs.services import delete_graph
from agentflow.graphs.spec import Limits, Policy
from executions import services
from executions.approvals import AlreadyDecided, DecisionRefused, decide
from executions.engine.scheduler import Scheduler
from executions.engine.status import Status
from executions.host import Host
from executions.models import Approval, Execution, NodeExecution
from executions.starting import announce
from tests import factories
from tests.executions import blocks
from tests.executions.hosting import drawn, ended, error_of, hosting, row, run, started, value
from tests.waiting import until

pytestmark = [pytest.mark.redis, pytest.mark.usefixtures("db", "host")]


@pytest.fixture(scope="module")
def db(lasting_db: None) -> None:
    """Stays for all tests of this module."""


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """An execution whose runs wait for other graphs leaves its worker at once."""
    monkeypatch.setattr("executions.processor.LINGER_SECONDS", 0)


def parked(execution: Execution) -> Execution:
    until(lambda: Execution.objects.filter(pk=execution.pk, status=Status.WAITING, holder=None).exists())
    return Execution.objects.get(pk=execution.pk)


def asked(execution: Execution) -> Approval:
    found = until(lambda: Approval.objects.filter(execution=execution, decided_at=None).first())
    assert found
    return found


def let_time_pass(execution: Execution) -> None:
    """Every timer of the execution is due."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE executions_nodeexecution SET waits = replace(waits::text, to_char(now(), 'YYYY'), '2000')::jsonb "
            "WHERE execution_id = %s AND status = 'waiting'",
            [execution.pk],
        )
    Execution.objects.filter(pk=execution.pk).update(wake_at=Now())


DELAY: dict[str, Any] = {
    "v": ("core.value", {"value": "tea"}),
    "d": ("core.delay", {"seconds": 3_600}),
    "o": ("io.output", {"name": "drink"}),
}
DELAYED = "v.value -> d.value; d.value -> o.value"
ASK: dict[str, Any] = {
    "v": ("core.value", {"value": {"amount": 5}}),
    "ask": ("logic.approve", {"instructions": "May it go on?"}),
    "yes": ("io.output", {"name": "yes"}),
    "no": ("io.output", {"name": "no"}),
}
ASKED = "v.value -> ask.payload; ask.approved -> yes.value; ask.rejected -> no.value"


def test_long_delay_holds_no_worker_and_goes_on_in_time(owner: User) -> None:
    execution = parked(started(owner, DELAY, DELAYED))
    assert execution.wake_at is not None
    assert 3_500 < (execution.wake_at - execution.created_at).total_seconds() < 3_700
    assert (row(execution, "d").status, execution.counts["waiting"]) == (Status.WAITING, 1)
    let_time_pass(execution)
    execution = ended(execution)
    assert (execution.status, execution.outputs) == (Status.COMPLETED, {"drink": "tea"})
    assert (row(execution, "d").attempt, execution.events) == (1, [])


def test_cancelled_while_it_waits(owner: User) -> None:
    execution = parked(started(owner, DELAY, DELAYED))
    services.cancel_execution(execution, user=owner)
    execution = ended(execution, 2)
    assert (execution.status, row(execution, "d").status) == (Status.CANCELLED, Status.CANCELLED)
    assert (execution.counts["waiting"], execution.counts["cancelled"]) == (0, 1)


def test_time_limit_ends_a_run_that_waits(owner: User) -> None:
    execution = parked(started(owner, DELAY, DELAYED, limits=Limits(seconds=60)))
    Execution.objects.filter(pk=execution.pk).update(started_at=F("started_at") - timedelta(minutes=2), wake_at=Now())
    execution = ended(execution)
    assert (execution.status, execution.reason) == (Status.FAILED, "timeout")


def test_other_branches_go_on_while_one_waits(owner: User) -> None:
    nodes = DELAY | {"g": ("test.gate", {"name": "g"}), "p": ("io.output", {"name": "other"})}
    execution = started(owner, nodes, DELAYED + "; g.value -> p.value")
    until(lambda: blocks.TRIES["g"] and execution.node_executions.filter(node="d", status=Status.WAITING).exists())
    assert Execution.objects.get(pk=execution.pk).status == Status.RUNNING
    blocks.GATES["g"].set()
    execution = parked(execution)
    let_time_pass(execution)
    assert ended(execution).outputs == {"drink": "tea", "other": None}


def test_retry_that_is_far_away_holds_no_worker(owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("executions.node_run.RETRY_SECONDS", 50)
    execution = parked(started(owner, {"f": ("test.flaky", {"name": "f", "failures": 2}, Policy(retries=2))}))
    assert error_of(execution, "f")["message"] == "not yet"
    let_time_pass(execution)
    until(lambda: row(execution, "f").attempt == 2)
    execution = parked(execution)
    let_time_pass(execution)
    execution = ended(execution)
    assert (execution.status, row(execution, "f").attempt, row(execution, "f").error) == (Status.COMPLETED, 3, None)


def test_retries_are_counted_over_waits(owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("executions.node_run.RETRY_SECONDS", 50)
    execution = parked(started(owner, {"f": ("test.flaky", {"name": "f", "failures": 9}, Policy(retries=1))}))
    let_time_pass(execution)
    execution = ended(execution)
    assert (execution.status, row(execution, "f").attempt) == (Status.FAILED, 2)


# People


def test_person_approves(owner: User) -> None:
    execution = parked(started(owner, ASK, ASKED))
    approval = asked(execution)
    assert (approval.instructions, approval.payload, approval.kind) == ("May it go on?", {"amount": 5}, "approval")
    decide(approval, user=owner, decision="approved", comment="fine")
    execution = ended(execution)
    assert execution.outputs == {"yes": {"amount": 5}}
    assert value(execution, "ask", "comment") == "fine"
    assert (row(execution, "ask").attempt, execution.node_executions.filter(node="ask").count()) == (1, 1)


def test_person_rejects_and_changes_the_payload(owner: User) -> None:
    execution = parked(started(owner, ASK, ASKED))
    decide(asked(execution), user=owner, decision="rejected", payload={"amount": 6})
    assert ended(execution).outputs == {"no": {"amount": 6}}


def test_decision_while_others_still_run_is_heard(owner: User) -> None:
    nodes = ASK | {"g": ("test.gate", {"name": "g"})}
    execution = started(owner, nodes, ASKED)
    until(lambda: blocks.TRIES["g"])
    decide(asked(execution), user=owner, decision="approved")
    until(lambda: row(execution, "ask").status == Status.COMPLETED)
    blocks.GATES["g"].set()
    assert ended(execution).outputs == {"yes": {"amount": 5}}


def test_decision_whose_message_is_lost_is_found(owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("executions.approvals.wake.ring", lambda *messages: False)
    execution = started(owner, ASK | {"g": ("test.gate", {"name": "g"})}, ASKED)
    until(lambda: blocks.TRIES["g"])
    decide(asked(execution), user=owner, decision="approved")
    until(lambda: row(execution, "ask").status == Status.COMPLETED)
    blocks.GATES["g"].set()
    assert ended(execution).status == Status.COMPLETED


def test_second_decision_is_refused(owner: User) -> None:
    approval = asked(parked(started(owner, ASK, ASKED)))
    decide(approval, user=owner, decision="approved")
    with pytest.raises(AlreadyDecided) as refused:
        decide(approval, user=owner, decision="rejected")
    assert refused.value.approval.decided_by == owner


def test_decision_that_does_not_fit_is_refused(owner: User) -> None:
    approval = asked(parked(started(owner, ASK, ASKED)))
    with pytest.raises(DecisionRefused) as refused:
        decide(approval, user=owner, decision="happened", payload={"no": float("nan")})
    assert {problem["pointer"] for problem in refused.value.problems} == {"#/decision", "#/payload"}


def test_nobody_is_asked_any_more_when_the_run_is_cancelled(owner: User) -> None:
    execution = parked(started(owner, ASK, ASKED))
    approval = asked(execution)
    services.cancel_execution(execution, user=owner)
    with pytest.raises(AlreadyDecided):
        decide(approval, user=owner, decision="approved")


def test_nobody_is_asked_any_more_when_the_run_has_failed(owner: User) -> None:
    nodes = ASK | {"g": ("test.gate", {"name": "g"}), "f": ("core.fail", {})}
    execution = started(owner, nodes, ASKED + "; g.value -> f.trigger")
    asked(execution)
    blocks.GATES["g"].set()
    assert ended(execution).status == Status.FAILED
    assert Approval.objects.get(execution=execution).closed_at is not None


def test_each_item_of_a_loop_is_asked_for_and_only_the_decided_ones_begin_anew(owner: User) -> None:
    nodes = {
        "each": ("logic.for_each", {"items": ["a", "b", "c"]}),
        "ask": ("logic.approve", {}),
        "all": ("logic.collect", {}),
        "o": ("io.output", {"name": "all"}),
    }
    execution = started(owner, nodes, "each.item -> ask.payload; ask.approved -> all.items; all.items -> o.value")
    for decision in ("approved", "rejected", "approved"):
        parked(execution)
        decide(asked(execution), user=owner, decision=decision)
    execution = ended(execution)
    assert execution.outputs == {"all": ["a", "c"]}
    assert execution.counts["total"] == 6


# Steps whose outcome nobody knows


def lost_step(owner: User) -> Execution:
    """An execution whose worker was lost in the middle of a step that must happen only once."""
    nodes = {"o": ("test.once", {"name": "o", "hang": True}), "r": ("io.output", {"name": "key"})}
    execution = started(owner, nodes, "o.key -> r.value")
    until(lambda: blocks.TRIES["o"])
    lose_worker(execution)
    return parked(execution)


def lose_worker(execution: Execution) -> None:
    """What the sweeper does about a worker that died: somebody goes on with the next epoch."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE executions_execution SET status = 'queued', holder_id = NULL, epoch = epoch + 1 WHERE id = %s",
            [execution.pk],
        )
    announce(execution)


def test_lost_step_is_not_repeated_but_asked_about(owner: User) -> None:
    execution = lost_step(owner)
    approval = asked(execution)
    assert (approval.kind, blocks.TRIES["o"]) == ("outcome", 1)
    decide(approval, user=owner, decision="happened", payload={"key": "as told"})
    execution = ended(execution)
    assert (execution.outputs, blocks.TRIES["o"]) == ({"key": "as told"}, 1)


def test_lost_step_is_repeated_when_a_person_says_so(owner: User) -> None:
    execution = lost_step(owner)
    decide(asked(execution), user=owner, decision="repeat")
    until(lambda: blocks.TRIES["o"] == 2)
    assert row(execution, "o").attempt == 2


def test_lost_step_fails_when_a_person_says_so(owner: User) -> None:
    execution = lost_step(owner)
    decide(asked(execution), user=owner, decision="fail", comment="Never arrived.")
    execution = ended(execution)
    assert (execution.status, error_of(execution, "o")["message"]) == (Status.FAILED, "Never arrived.")
    assert error_of(execution, "o")["kind"] == "lost"


def test_outputs_of_a_lost_step_must_be_those_of_its_ports(owner: User) -> None:
    approval = asked(lost_step(owner))
    with pytest.raises(DecisionRefused) as refused:
        decide(approval, user=owner, decision="happened", payload={"sum": 1})
    assert refused.value.problems[0]["pointer"] == "#/payload/sum"


# Other graphs


def doubling(owner: User) -> Graph:
    nodes = {
        "n": ("io.input", {"name": "n", "type": "number", "required": True}),
        "twice": ("math.calculate", {"b": 2, "operation": "multiply"}),
        "o": ("io.output", {"name": "twice"}),
    }
    return drawn(owner, nodes, "n.value -> twice.a; twice.result -> o.value")


def calling(graph: Graph, *, inputs: dict[str, Any] | None = None) -> tuple[dict[str, Any], str]:
    nodes = {"call": ("graph.run", {"graph": graph.pk, **(inputs or {})}), "o": ("io.output", {"name": "out"})}
    return nodes, "call.twice -> o.value"


def child_of(execution: Execution) -> Execution:
    found = until(lambda: Execution.objects.filter(parent=execution).first())
    assert found
    return found


def test_graph_runs_another_graph(owner: User) -> None:
    execution = run(owner, *calling(doubling(owner), inputs={"n": 21}))
    assert (execution.status, execution.outputs) == (Status.COMPLETED, {"out": 42})
    child = child_of(execution)
    assert (child.status, child.trigger, child.depth) == (Status.COMPLETED, "graph", 1)
    assert child.parent_node == row(execution, "call").pk
    assert execution.counts["below"] == 3


@pytest.mark.usefixtures("impatient")
def test_parent_holds_no_worker_while_its_child_runs(owner: User) -> None:
    inner = drawn(
        owner,
        {"g": ("test.gate", {"name": "g", "value": 7}), "o": ("io.output", {"name": "twice"})},
        "g.value -> o.value",
    )
    execution = parked(started(owner, *calling(inner)))
    blocks.GATES["g"].set()
    execution = ended(execution)
    assert (execution.outputs, row(execution, "call").attempt) == ({"out": 7}, 1)
    assert Execution.objects.filter(parent=execution).count() == 1


@pytest.mark.usefixtures("impatient")
def test_fold_runs_a_graph_per_item_in_order(owner: User) -> None:
    nodes = {
        "i": ("io.input", {"name": "item", "type": "number"}),
        "a": ("io.input", {"name": "accumulator", "type": "number"}),
        "sum": ("math.calculate", {"operation": "add"}),
        "o": ("io.output", {"name": "accumulator"}),
    }
    adding = drawn(owner, nodes, "i.value -> sum.a; a.value -> sum.b; sum.result -> o.value")
    fold = {
        "f": ("logic.fold", {"items": [1, 2, 3], "initial": 10, "graph": adding.pk}),
        "o": ("io.output", {"name": "sum"}),
        "all": ("logic.collect", {}),
        "s": ("io.output", {"name": "steps"}),
    }
    execution = run(owner, fold, "f.result -> o.value; f.step -> all.items; all.items -> s.value")
    assert execution.outputs == {"sum": 16, "steps": [11, 13, 16]}
    assert Execution.objects.filter(parent=execution).count() == 3


def test_parent_leaves_its_place_to_its_child(owner: User, host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker with one place can run graphs that run graphs."""
    monkeypatch.setattr("executions.processor.LINGER_SECONDS", 600)
    assert host.manager is not None
    monkeypatch.setattr(host.manager, "slots", 1)
    execution = run(owner, *calling(drawn(owner, *calling(doubling(owner), inputs={"n": 3}))))
    assert execution.status == Status.COMPLETED


def test_failed_child_fails_its_node_with_its_reason(owner: User) -> None:
    execution = run(owner, *calling(drawn(owner, {"f": ("core.fail", {"message": "no stock"})})))
    assert execution.status == Status.FAILED
    assert "no stock" in error_of(execution, "call")["message"]


def test_inputs_that_do_not_fit_fail_the_node(owner: User) -> None:
    execution = run(owner, *calling(doubling(owner), inputs={"n": "many"}))
    assert "“n”" in error_of(execution, "call")["message"]


def test_graph_of_a_stranger_is_not_run(owner: User) -> None:
    execution = run(owner, *calling(doubling(factories.user("stranger-to-all"))))
    assert "There is no graph" in error_of(execution, "call")["message"]


def test_graph_that_runs_itself_stops_at_the_limit_of_depth(owner: User) -> None:
    graph = drawn(owner, {"call": ("graph.run", {"graph": 1})}, limits=Limits(depth=2))
    graph.nodes.update(config={"graph": graph.pk})
    execution = ended(services.start_execution(graph, user=owner, inputs={}))
    assert execution.status == Status.FAILED
    assert "2 deep" in error_of(execution, "call")["message"]
    assert Execution.objects.filter(graph=graph).count() == 3


def test_limit_of_depth_holds_for_all_that_is_started(owner: User) -> None:
    """However deep the graphs below may go by themselves."""
    deep = drawn(owner, *calling(doubling(owner), inputs={"n": 1}), limits=Limits(depth=9))
    execution = run(owner, *calling(deep), limits=Limits(depth=1))
    assert execution.status == Status.FAILED
    assert "1 deep" in error_of(execution, "call")["message"]


def test_node_executions_of_children_count(owner: User) -> None:
    nodes, links = calling(doubling(owner), inputs={"n": 1})
    execution = run(owner, nodes, links, limits=Limits(node_executions=3))
    assert execution.status == Status.FAILED
    assert "node_executions" in error_of(execution, "call")["message"]


@pytest.mark.parametrize("stays", [True, False])
def test_cancel_travels_down(owner: User, monkeypatch: pytest.MonkeyPatch, stays: bool) -> None:
    monkeypatch.setattr("executions.processor.LINGER_SECONDS", 60 if stays else 0)
    inner = drawn(owner, {"g": ("test.gate", {"name": "shut"})})
    execution = started(owner, *calling(drawn(owner, *calling(inner))))
    until(lambda: blocks.TRIES["shut"])
    services.cancel_execution(execution, user=owner)
    child = child_of(execution)
    for each in (child_of(child), child, execution):
        assert ended(each, 5).status == Status.CANCELLED


def test_failed_parent_ends_its_children(owner: User) -> None:
    nodes, links = calling(drawn(owner, {"g": ("test.gate", {"name": "shut"})}))
    nodes |= {"go": ("test.gate", {"name": "go"}), "f": ("core.fail", {})}
    execution = started(owner, nodes, links + "; go.value -> f.trigger")
    until(lambda: blocks.TRIES["shut"])
    blocks.GATES["go"].set()
    assert ended(execution).status == Status.FAILED
    assert ended(child_of(execution), 5).status == Status.CANCELLED


def test_cancelled_child_fails_its_node(owner: User) -> None:
    execution = started(owner, *calling(drawn(owner, {"g": ("test.gate", {"name": "shut"})})))
    until(lambda: blocks.TRIES["shut"])
    services.cancel_execution(child_of(execution), user=owner)
    assert "was cancelled" in error_of(ended(execution), "call")["message"]


@pytest.mark.parametrize("stays", [True, False])
def test_child_whose_graph_is_deleted_fails_its_node(owner: User, monkeypatch: pytest.MonkeyPatch, stays: bool) -> None:
    monkeypatch.setattr("executions.processor.LINGER_SECONDS", 60 if stays else 0)
    inner = drawn(owner, {"g": ("test.gate", {"name": "shut"})})
    execution = started(owner, *calling(inner))
    until(lambda: blocks.TRIES["shut"] and row(execution, "call").status == Status.WAITING)
    delete_graph(inner, by=owner)
    execution = ended(execution)
    assert "There is no graph" in error_of(execution, "call")["message"]


def test_child_that_was_started_is_found_again_after_the_worker_is_lost(owner: User) -> None:
    inner = drawn(
        owner,
        {"g": ("test.gate", {"name": "g", "value": 1}), "o": ("io.output", {"name": "twice"})},
        "g.value -> o.value",
    )
    execution = started(owner, *calling(inner))
    until(lambda: blocks.TRIES["g"])
    lose_worker(execution)
    until(lambda: Execution.objects.filter(pk=execution.pk, epoch__gte=3).exists())
    blocks.GATES["g"].set()
    assert ended(execution).outputs == {"out": 1}
    assert Execution.objects.filter(parent=execution).count() == 1


def test_handover_while_it_waits_loses_nothing(owner: User) -> None:
    execution = parked(started(owner, ASK, ASKED))
    approval = asked(execution)
    with hosting():
        decide(approval, user=owner, decision="approved")
        assert ended(execution).outputs == {"yes": {"amount": 5}}


def test_waiting_ones_do_not_slow_claiming(owner: User) -> None:
    """Of however many that wait, claiming and sweeping read none."""
    graph = drawn(owner, {"v": ("core.value", {"value": 1})})
    first = ended(services.start_execution(graph, user=owner, inputs={}))
    many = [
        Execution(graph=graph, version_id=first.version_id, owner=owner, inputs={}, status=Status.WAITING)
        for _ in range(2_000)
    ]
    Execution.objects.bulk_create(many)
    assert ended(services.start_execution(graph, user=owner, inputs={}), 2).status == Status.COMPLETED
    Execution.objects.filter(graph=graph, status=Status.WAITING).delete()
    assert NodeExecution.objects.filter(execution=first).count() == 1


def test_run_that_is_given_up_asks_nobody_any_more(owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    nodes = ASK | {"g": ("test.gate", {"name": "g"}), "end": ("core.value", {})}
    execution = started(owner, nodes, ASKED + "; g.value -> end.value")
    asked(execution)

    def defect(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(Scheduler, "complete", defect)
    blocks.GATES["g"].set()
    execution = ended(execution)
    assert (execution.status, execution.reason) == (Status.FAILED, "invalid")
    assert Approval.objects.get(execution=execution).closed_at is not None
