"""Redis is emptied, restarted with nothing, cut, full, silent and away: runs go on, start and are seen all the same."""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest
from redis.exceptions import RedisError

from executions import services
from executions.engine.status import Status
from tests.executions.hosting import drawn, ended
from tests.faults.conftest import MakeRig
from tests.faults.rig import Rig
from tests.faults.test_network import SHOWN_WITHIN_SECONDS, STARTED_WITHIN_SECONDS, start_delays
from tests.faults.underway import UnderWay
from tests.faults.watcher import Watcher

pytestmark = pytest.mark.faults

#: What a step in a process of its own, which needs the queue, may take afterwards.
RESUMED_WITHIN_SECONDS = 5.0
BLOCKS = "tests.faults.blocks,tests.executions.blocks"

Fault = Callable[[Rig], AbstractContextManager[object]]


@contextmanager
def emptied(rig: Rig) -> Iterator[None]:
    rig.redis.flush()
    yield


@contextmanager
def restarted_empty(rig: Rig) -> Iterator[None]:
    with rig.redis.away():
        rig.redis.empty()
    yield


@contextmanager
def cut(rig: Rig) -> Iterator[None]:
    """Every connection is closed by the server."""
    with rig.redis.client() as client:
        for kind in ("normal", "pubsub"):
            client.client_kill_filter(_type=kind, skipme=True)
    yield


@contextmanager
def full(rig: Rig) -> Iterator[None]:
    """It takes nothing more (`maxmemory-policy noeviction`)."""
    with rig.redis.client() as client:
        client.config_set("maxmemory", 1)
        with pytest.raises(RedisError):
            client.set("one", "more")
        yield
        client.config_set("maxmemory", 0)


@contextmanager
def silent(rig: Rig) -> Iterator[None]:
    """It takes connections and commands and answers nothing."""
    rig.redis.pause()
    yield
    rig.redis.resume()


def away(rig: Rig) -> AbstractContextManager[object]:
    return rig.redis.away()


def seen_through(rig: Rig, fault: Fault, seconds: float) -> tuple[float, float, float]:
    """Break it while a run is watched; the slowest start, the longest pause of the page and how late its end was shown."""
    runs = UnderWay(rig, executions=1, items=int(30 + 20 * seconds))
    with Watcher(rig, runs.executions[0]) as watcher:
        with fault(rig):
            ends_at = time.monotonic() + seconds
            delays = start_delays(rig, 3)
            while time.monotonic() < ends_at:
                delays += start_delays(rig, 1)
        delays += start_delays(rig, 1)
        runs.end()
    runs.executions[0].refresh_from_db()
    assert runs.executions[0].ended_at is not None
    ended_at = runs.executions[0].ended_at.timestamp()
    assert watcher.status == Status.COMPLETED
    assert len(watcher.rows) == 4 + runs.items
    return max(delays), watcher.longest_gap, watcher.seen_at[-1] - ended_at


FAULTS: list[tuple[Fault, float]] = [
    (emptied, 0),
    (restarted_empty, 0),
    (cut, 0),
    (full, 1),
    (silent, 3),
    (away, 3),
]


def test_runs_start_and_pages_move_whatever_redis_does(make_rig: MakeRig, capsys: pytest.CaptureFixture[str]) -> None:
    rig = make_rig(workers=2, node_workers=1, web=True, block_modules=BLOCKS)
    for fault, seconds in FAULTS:
        show(capsys, f"{fault.__name__} {seconds:g} s", *seen_through(rig, fault, seconds))
        show_nodes(capsys, fault.__name__, isolated_step(rig))


def isolated_step(rig: Rig) -> float:
    """Seconds that a step in a process of its own takes, from the start."""
    began_at = time.monotonic()
    execution = ended(
        services.start_execution(drawn(rig.owner, {"p": ("test.process", {})}), user=rig.owner, inputs={})
    )
    assert execution.status == Status.COMPLETED
    return time.monotonic() - began_at


def show_nodes(capsys: pytest.CaptureFixture[str], fault: str, seconds: float) -> None:
    """Print the figure for the note, and hold it to its limit."""
    with capsys.disabled():
        print(f"Redis {fault}: an isolated step afterwards took {seconds:.1f} s")  # noqa: T201
    assert seconds <= RESUMED_WITHIN_SECONDS


@pytest.mark.slow
@pytest.mark.parametrize("fault", [away, silent, full])
def test_runs_start_and_pages_move_a_minute_without_redis(
    make_rig: MakeRig, capsys: pytest.CaptureFixture[str], fault: Fault
) -> None:
    rig = make_rig(workers=2, node_workers=1, web=True, block_modules=BLOCKS)
    show(capsys, f"{fault.__name__} 60 s", *seen_through(rig, fault, 60))
    show_nodes(capsys, fault.__name__, isolated_step(rig))


def show(capsys: pytest.CaptureFixture[str], fault: str, started: float, paused: float, late: float) -> None:
    """Print the figures for the note, and hold them to their limits."""
    figures = f"slowest start {started:.1f} s, longest pause of a page {paused:.1f} s, its end {late:.1f} s late"
    with capsys.disabled():
        print(f"\nRedis {fault}: {figures}")  # noqa: T201
    assert started <= STARTED_WITHIN_SECONDS
    assert max(paused, late) <= SHOWN_WITHIN_SECONDS
