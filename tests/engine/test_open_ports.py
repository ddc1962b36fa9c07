"""Blocks that take and give any name."""

import pytest

from agentflow.graphs.spec import LinkSpec, NodeSpec
from executions.engine.plan import compile_plan
from executions.engine.scheduler import PortError, Scheduler, Start
from executions.engine.simulate import simulate
from tests.engine.drawing import BLOCKS, graph


def test_values_pass_through_ports_that_nobody_declared():
    spec = graph("a -> o:open.some; a -> o.dict.x; o.some -> r:output; o.dict.x -> s:output", a={"x": 5})
    assert simulate(spec, BLOCKS).outputs == {"r": 5, "s": 5}


def test_config_and_links_go_together():
    spec = graph("a -> o:open.linked; o.given -> r:output; o.linked -> s:output", a={"x": 5}, o={"given": [1]})
    spec_nodes = [node for node in spec.nodes if node.key == "o"]
    assert spec_nodes == [NodeSpec("o", "open", {"given": [1]})]
    assert LinkSpec("a", "out", "o", "linked") in spec.links
    assert simulate(spec, BLOCKS).outputs == {"r": [1], "s": 5}


def test_a_value_on_a_port_that_nobody_linked_is_dropped():
    engine = Scheduler(compile_plan(graph("o:open"), BLOCKS))
    (start,) = [command for command in engine.start() if isinstance(command, Start)]
    assert engine.emit(start.run, "surprise", 1) == []


def test_nobody_yields_by_the_error_port():
    engine = Scheduler(compile_plan(graph("o:open.error -> a"), BLOCKS))
    (start,) = [command for command in engine.start() if isinstance(command, Start)]
    with pytest.raises(PortError):
        engine.emit(start.run, "error", 1)
