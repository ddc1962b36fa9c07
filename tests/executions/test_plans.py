from executions.engine.plan import Plan, compile_plan
from executions.plans import Plans
from tests.engine.drawing import BLOCKS, graph


def plan(drawing: str) -> Plan:
    return compile_plan(graph(drawing), BLOCKS)


def test_the_least_used_plan_is_dropped_when_there_are_too_many_nodes() -> None:
    plans = Plans(most_nodes=5)
    first, second = plan("a -> b"), plan("a -> b -> c")
    plans.keep(1, first)
    plans.keep(2, second)
    assert plans.get(1) is first
    plans.keep(3, plan("a"))
    assert plans.get(2) is None
    assert plans.get(1) is first


def test_a_plan_larger_than_all_that_is_kept_stays_until_the_next_one() -> None:
    plans = Plans(most_nodes=1)
    large = plan("a -> b -> c")
    plans.keep(1, large)
    assert plans.get(1) is large
    plans.keep(2, plan("a"))
    assert plans.get(1) is None
