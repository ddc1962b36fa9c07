"""Every block of the core does what its examples say, and has what the palette and the checker need."""

import json
from collections import Counter
from typing import Any

import pytest

from blocks.base import Block, BlockError, Effect, Example, PortKind
from blocks.registry import CATEGORIES, describe, load
from tests.blocks.context import FakeContext, run

REGISTRY = load()
BLOCKS = REGISTRY.all()
EXAMPLES = [
    pytest.param(block, example, id=f"{block.id}-{number}")
    for block in BLOCKS
    for number, example in enumerate(block.examples)
]

#: DESIGN §6: outputs of the blocks that other parts and other people's graphs rely on (`*`: a stream).
PORTS = {
    "io.input": ("name type default required", "value"),
    "io.output": ("name value", "value"),
    "core.value": ("value trigger", "value"),
    "core.template": ("template values", "text"),
    "core.log": ("message", "message"),
    "core.fail": ("message", ""),
    "core.delay": ("seconds value", "value"),
    "logic.if": ("value operator other payload", "true false result"),
    "logic.switch": ("value cases", "default"),
    "logic.fold": ("items initial graph", "result step*"),
    "logic.approve": ("payload instructions", "approved rejected comment"),
    "graph.run": ("graph", ""),
    "logic.for_each": ("items at_once", "item* key* count"),
    "logic.collect": ("items", "items indices count"),
    "logic.merge": ("value", "value"),
    "logic.gather": ("values", "values"),
    "math.calculate": ("a b operation", "result"),
    "text.join": ("items separator", "text"),
    "text.split": ("text separator", "parts part*"),
    "text.replace": ("text old new", "text"),
    "list.append": ("items value", "items"),
    "list.get": ("items index", "item"),
    "list.length": ("items", "length"),
    "dict.get": ("values key", "value"),
    "dict.set": ("values key value", "values"),
    "json.parse": ("text", "value"),
    "json.dump": ("value", "text"),
    "data.csv": ("text file delimiter header", "rows row* count columns"),
    "web.request": ("url method headers body", "response body client_error server_error"),
    "time.now": ("time_zone", "iso date"),
}


@pytest.mark.parametrize(("block", "example"), EXAMPLES)
async def test_a_block_does_what_its_example_says(block: type[Block], example: Example) -> None:
    context = FakeContext(execution_inputs=example.execution_inputs, indices=example.indices)
    if example.error:
        with pytest.raises(BlockError) as caught:
            await run(block, example.input, context)
        assert example.error in caught.value.message
        return
    outputs = await run(block, example.input, context)
    expected = dict(example.output)
    if example.partial:
        outputs = {port: value for port, value in outputs.items() if port in expected}
    assert _typed(outputs) == _typed(expected)


def _typed(value: Any) -> str:
    """JSON tells true from 1 and 1 from 1.0, which `==` does not."""
    return json.dumps(value, sort_keys=True)


def test_nothing_of_the_core_is_disabled() -> None:
    assert dict(REGISTRY.disabled) == {}


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.id)
def test_every_block_is_described(block: type[Block]) -> None:
    described = describe(block)
    assert described["description"].endswith(".")
    assert block.category in CATEGORIES
    assert isinstance(block.effect, Effect)
    assert block.examples
    assert json.loads(json.dumps(described)) == described, "plain JSON"


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.id)
def test_every_port_has_a_name_of_its_own_and_a_title(block: type[Block]) -> None:
    for ports in (block.input_ports({}), block.output_ports({})):
        assert max(Counter(port.name for port in ports).values(), default=1) == 1
        assert all(port.title for port in ports)


@pytest.mark.parametrize("block_id", PORTS)
def test_the_core_catalogue_has_the_promised_ports(block_id: str) -> None:
    block = REGISTRY.get(block_id)
    inputs, outputs = PORTS[block_id]
    assert set(inputs.split()) <= {port.name for port in block.input_ports({})}
    streams = {port.name + ("*" if port.kind is PortKind.STREAM else "") for port in block.output_ports({})}
    assert set(outputs.split()) <= streams
