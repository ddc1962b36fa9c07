"""Logging, waiting and entering values."""

import asyncio

import pytest

from blocks.base import BlockError
from blocks.core import Delay, Log
from blocks.io import Input
from blocks.time import Now
from tests.blocks.context import FakeContext, run


async def test_log_writes_the_message_as_text() -> None:
    context = FakeContext()
    await run(Log, {"message": {"a": 1}}, context)
    assert context.logs == [("info", '{"a":1}')]


async def test_a_long_delay_is_left_to_the_worker() -> None:
    context = FakeContext()
    assert await run(Delay, {"seconds": 5.5, "value": "tea"}, context) == {"value": "tea"}
    assert context.waits == [("sleep", 5.5)]


async def test_a_short_delay_is_cancelled_at_once() -> None:
    waiting = asyncio.ensure_future(run(Delay, {"seconds": 5}))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(waiting, 1)


async def test_a_delay_waits_and_shows_how_far_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("blocks.core.PROGRESS_SECONDS", 0.01)
    context = FakeContext()
    started = asyncio.get_running_loop().time()
    assert await run(Delay, {"seconds": 0.05, "value": "tea"}, context) == {"value": "tea"}
    assert asyncio.get_running_loop().time() - started >= 0.05
    assert context.shown == sorted(context.shown)
    assert context.shown[-1] == 1


async def test_a_delay_of_more_seconds_than_a_float_can_hold_is_refused() -> None:
    with pytest.raises(BlockError, match="seconds"):
        await run(Delay, {"seconds": 10**400})


@pytest.mark.parametrize("kind", ["any", "text", "number", "integer", "boolean", "list", "dict"])
def test_an_input_has_a_port_of_its_type(kind: str) -> None:
    (port,) = Input.output_ports({"type": kind})
    assert (port.name, bool(port.schema)) == ("value", kind != "any")


@pytest.mark.parametrize("kind", ["nonsense", None, [], {}])
def test_an_input_of_an_unknown_type_may_be_anything(kind: object) -> None:
    (port,) = Input.output_ports({"type": kind})
    assert port.schema == {}


async def test_now_agrees_with_itself() -> None:
    outputs = await run(Now, {"time_zone": "Asia/Tokyo"})
    assert outputs["iso"].startswith(f"{outputs['date']}T{outputs['time']}")
    assert outputs["iso"].endswith("+09:00")


@pytest.mark.parametrize("name", ["Mars/Olympus", "../etc/passwd", "/etc/passwd", "Europe", "\0"])
async def test_what_is_no_time_zone_is_named(name: str) -> None:
    with pytest.raises(BlockError, match="no time zone"):
        await run(Now, {"time_zone": name})
