"""Running again: what is kept of an earlier execution, what runs, what is pinned; many at once."""

from typing import Any

import pytest
from django.contrib.auth.models import User

from agentflow.graphs.editing import apply_edit
from agentflow.graphs.models import Graph
from agentflow.graphs.spec import OnError, Policy
from executions import services
from executions.engine.status import Status
from executions.models import Execution
from executions.rerun import retry_execution
from executions.starting import announce
from tests.executions import blocks
from tests.executions.hosting import drawn, ended, row, run, value
from tests.waiting import until

pytestmark = [pytest.mark.redis, pytest.mark.usefixtures("db", "host")]


@pytest.fixture(scope="module")
def db(lasting_db: None) -> None:
    """Stays for all tests of this module."""


def counted(name: str, **config: Any) -> tuple[str, dict[str, Any]]:
    """A step that counts its runs and fails the first `failures` times."""
    return "test.flaky", {"name": name, "failures": 0, "retry": False, **config}


def reused(execution: Execution) -> set[str]:
    return set(execution.node_executions.filter(reused=True).values_list("node", flat=True))


def ran(execution: Execution) -> set[str]:
    return set(execution.node_executions.exclude(status=Status.SKIPPED).values_list("node", flat=True))


CHAIN: dict[str, Any] = {
    "v": ("core.value", {"value": [1, 2]}),
    "a": counted("a"),
    "b": counted("b", failures=1),
    "c": counted("c"),
}
LINKS = "v.value -> a.value; v.value -> b.value; b.item -> c.value"


def test_retry_keeps_what_completed_and_runs_what_failed(owner: User) -> None:
    first = run(owner, CHAIN, LINKS)
    assert first.status == Status.FAILED
    again = ended(retry_execution(first, user=owner))
    assert (again.status, again.retry_of, again.trigger) == (Status.COMPLETED, first, "retry")
    assert reused(again) >= {"v", "a"}
    assert "b" not in reused(again)
    assert (blocks.TRIES["a"], blocks.TRIES["b"], blocks.TRIES["c"]) == (1, 2, 2 if "c" not in reused(again) else 1)


def test_retry_from_a_node_runs_it_and_what_is_behind_it(owner: User) -> None:
    first = run(owner, CHAIN | {"b": counted("b")}, LINKS)
    again = ended(retry_execution(first, user=owner, from_nodes=["b"]))
    assert (again.status, reused(again)) == (Status.COMPLETED, {"v", "a"})
    assert (blocks.TRIES["a"], blocks.TRIES["b"]) == (1, 2)


def test_run_up_to_a_node_leaves_the_rest(owner: User) -> None:
    first = run(owner, CHAIN | {"b": counted("b")}, LINKS)
    again = ended(retry_execution(first, user=owner, to_nodes=["a"]))
    assert (again.status, ran(again), reused(again)) == (Status.COMPLETED, {"v", "a"}, {"v", "a"})


def test_one_node_runs_on_the_input_that_is_given(owner: User) -> None:
    nodes: dict[str, Any] = {"v": ("core.value", {"value": 1}), "s": ("math.calculate", {"b": 2, "operation": "add"})}
    first = run(owner, nodes, "v.value -> s.a")
    again = ended(retry_execution(first, user=owner, node="s", inputs={"a": 40}))
    assert (ran(again), value(again, "s", "result"), reused(again)) == ({"s"}, 42, set())
    with pytest.raises(services.StartRefused) as refused:
        retry_execution(first, user=owner, node="s", inputs={})
    assert refused.value.problems[0]["node"] == "s"


def test_retry_of_a_part_is_the_same_part(owner: User) -> None:
    first = run(owner, CHAIN | {"b": counted("b", failures=2)}, LINKS)
    part = ended(retry_execution(first, user=owner, to_nodes=["b"]))
    again = ended(retry_execution(part, user=owner))
    assert (again.status, ran(again)) == (Status.COMPLETED, {"v", "b"})


def test_run_up_to_a_node_after_it_ran_alone_has_its_links_again(owner: User) -> None:
    nodes: dict[str, Any] = {"v": ("core.value", {"value": 1}), "s": ("math.calculate", {"b": 2, "operation": "add"})}
    alone = ended(retry_execution(run(owner, nodes, "v.value -> s.a"), user=owner, node="s", inputs={"a": 40}))
    again = ended(retry_execution(alone, user=owner, to_nodes=["s"]))
    assert (ran(again), value(again, "s", "result")) == ({"v", "s"}, 3)


def test_unknown_nodes_are_refused(owner: User) -> None:
    first = run(owner, {"v": ("core.value", {"value": 1})})
    with pytest.raises(services.StartRefused) as refused:
        retry_execution(first, user=owner, from_nodes=["x"], node="y")
    assert [problem["pointer"] for problem in refused.value.problems] == ["#/from", "#/node"]


def test_only_what_changed_runs(owner: User) -> None:
    nodes: dict[str, Any] = {
        "v": ("core.value", {"value": [3, 4]}),
        "each": ("logic.for_each", {}),
        "n": counted("n"),
        "x": ("math.calculate", {"b": 2, "operation": "multiply"}),
        "all": ("logic.collect", {}),
        "o": ("io.output", {"name": "all"}),
    }
    graph = drawn(
        owner,
        nodes,
        "v.value -> each.items; v.value -> n.value; each.item -> x.a; x.result -> all.items; all.items -> o.value",
    )
    first = ended(services.start_execution(graph, user=owner, inputs={}))
    edit(graph, {"op": "set_config", "key": "x", "name": "b", "value": 3})
    again = ended(services.start_execution(graph, user=owner, inputs={}, keep=first))
    assert again.outputs == {"all": [9, 12]}
    assert (reused(again), blocks.TRIES["n"]) == ({"v", "each", "n"}, 1)
    assert again.counts["completed"] == first.counts["completed"]


def test_kept_items_move_with_their_values(owner: User) -> None:
    nodes: dict[str, Any] = {
        "v": ("core.value", {"value": ["a", "b"]}),
        "each": ("logic.for_each", {}),
        "n": ("test.once", {"name": "n"}),
    }
    graph = drawn(owner, nodes, "v.value -> each.items; each.item -> n.value")
    first = ended(services.start_execution(graph, user=owner, inputs={}))
    edit(graph, {"op": "set_config", "key": "v", "name": "value", "value": ["new", "a", "b"]})
    again = ended(services.start_execution(graph, user=owner, inputs={}, keep=first))
    assert again.status == Status.COMPLETED
    assert again.node_executions.filter(node="n", reused=True).count() == 2
    assert blocks.TRIES["n"] == 3


def test_inputs_are_those_of_the_new_execution(owner: User) -> None:
    nodes = {"i": ("io.input", {"name": "n"}), "a": ("core.log", {}), "o": ("io.output", {"name": "n"})}
    graph = drawn(owner, nodes, "i.value -> a.message; a.message -> o.value")
    first = ended(services.start_execution(graph, user=owner, inputs={"n": 1}))
    again = ended(services.start_execution(graph, user=owner, inputs={"n": 2}, keep=first))
    assert (again.outputs, reused(again)) == ({"n": 2}, set())
    again = ended(services.start_execution(graph, user=owner, inputs={"n": 1}, keep=first))
    assert (again.outputs, reused(again)) == ({"n": 1}, {"a", "o"})


def test_step_that_must_happen_once_is_not_silently_repeated(owner: User) -> None:
    nodes = {"v": ("core.value", {"value": 1}), "once": ("test.once", {"name": "once"})}
    first = run(owner, nodes, "v.value -> once.value")
    with pytest.raises(services.StartRefused) as refused:
        retry_execution(first, user=owner, from_nodes=["v"])
    assert (refused.value.problems[0]["code"], refused.value.problems[0]["node"]) == ("repeats_once", "once")
    assert ended(retry_execution(first, user=owner)).status == Status.COMPLETED
    assert blocks.TRIES["once"] == 1
    assert ended(retry_execution(first, user=owner, from_nodes=["v"], repeat_once=True)).status == Status.COMPLETED
    assert blocks.TRIES["once"] == 2


def test_step_that_gave_nothing_is_kept_too(owner: User) -> None:
    policy = Policy(on_error=OnError.CONTINUE)
    first = run(owner, {"s": ("test.silent", {"name": "s"}), "f": ("core.fail", {}, policy)})
    again = ended(retry_execution(first, user=owner))
    assert (row(again, "s").reused, blocks.TRIES["s"]) == (True, 1)


def test_retry_goes_on_after_its_worker_was_lost(owner: User) -> None:
    nodes = CHAIN | {"b": counted("b", failures=1), "g": ("test.gate", {"name": "g"})}
    first = run(owner, nodes, LINKS + "; b.item -> g.value")
    blocks.TRIES["g"] = 0
    again = retry_execution(first, user=owner)
    until(lambda: blocks.TRIES["g"] == 2)
    Execution.objects.filter(pk=again.pk).update(status=Status.QUEUED, holder=None, epoch=5)
    announce(again)
    until(lambda: blocks.TRIES["g"] == 4)
    blocks.GATES["g"].set()
    again = ended(again)
    assert (again.status, "a" in reused(again), blocks.TRIES["a"]) == (Status.COMPLETED, True, 1)


# Pinned data


def edit(graph: Graph, operation: dict[str, Any]) -> None:
    graph.refresh_from_db()
    apply_edit(graph, [operation], author=graph.owner)


def test_pinned_node_gives_its_data_instead_of_running(owner: User) -> None:
    nodes: dict[str, Any] = {
        "n": counted("n"),
        "all": ("logic.collect", {}),
        "o": ("io.output", {"name": "all"}),
    }
    graph = drawn(owner, nodes, "n.item -> all.items; all.items -> o.value")
    edit(graph, {"op": "set_pinned", "key": "n", "pinned": {"item": [7, 8, 9]}})
    execution = ended(services.start_execution(graph, user=owner, inputs={}, use_pins=True))
    assert (execution.outputs, blocks.TRIES["n"]) == ({"all": [7, 8, 9]}, 0)
    assert (row(execution, "n").pinned, row(execution, "all").pinned) == (True, False)
    plain = ended(services.start_execution(graph, user=owner, inputs={}))
    assert (plain.outputs, blocks.TRIES["n"]) == ({"all": [0, 1]}, 1)


def test_pinned_results_are_not_kept_as_real_ones(owner: User) -> None:
    graph = drawn(owner, {"n": counted("n")})
    edit(graph, {"op": "set_pinned", "key": "n", "pinned": {"item": [7]}})
    pinned = ended(services.start_execution(graph, user=owner, inputs={}, use_pins=True))
    again = ended(services.start_execution(graph, user=owner, inputs={}, keep=pinned))
    assert (blocks.TRIES["n"], reused(again)) == (1, set())


# Many at once


def named(owner: User) -> Graph:
    nodes = {"i": ("io.input", {"name": "n", "type": "integer", "required": True}), "o": ("io.output", {"name": "n"})}
    return drawn(owner, nodes, "i.value -> o.value")


def test_batch_starts_all_in_order(owner: User) -> None:
    made = services.start_executions(named(owner), user=owner, inputs_list=[{"n": n} for n in range(50)])
    assert [ended(each).outputs for each in made] == [{"n": n} for n in range(50)]
    assert {each.batch for each in made} == {made[0].pk}


def test_batch_with_a_mistake_starts_none(owner: User) -> None:
    graph = named(owner)
    with pytest.raises(services.StartRefused) as refused:
        services.start_executions(graph, user=owner, inputs_list=[{"n": 1}, {"n": "x"}, {}, {"n": 2, "m": 3}])
    pointers = [problem["pointer"] for problem in refused.value.problems]
    assert pointers == ["#/inputs_list/1/n", "#/inputs_list/2/n", "#/inputs_list/3/m"]
    assert not Execution.objects.filter(graph=graph).exists()


@pytest.mark.parametrize("many", [0, 1_001])
def test_batch_of_none_or_too_many_is_refused(owner: User, many: int) -> None:
    with pytest.raises(services.StartRefused):
        services.start_executions(named(owner), user=owner, inputs_list=[{"n": 1}] * many)


def test_batch_with_the_same_key_is_the_same_batch(owner: User) -> None:
    graph = named(owner)
    keys: Any = {"idempotency_key": "k", "idempotency_digest": "d"}
    made = services.start_executions(graph, user=owner, inputs_list=[{"n": 1}, {"n": 2}], **keys)
    assert services.start_executions(graph, user=owner, inputs_list=[{"n": 1}, {"n": 2}], **keys) == made
