"""The network between a process and a service is cut: it stalls, resets, passes one way only, comes and goes, loses what was open."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest

from agentflow.graphs.services import create_graph
from agentflow.graphs.spec import GraphSpec, NodeSpec
from executions import services
from executions.engine.status import Status
from tests.executions.hosting import ended
from tests.faults.caller import caller
from tests.faults.conftest import MakeRig
from tests.faults.proxy import BOTH, DOWN, UP, Proxy
from tests.faults.rig import QUICK, Rig
from tests.faults.servers import Servers
from tests.faults.underway import UnderWay
from tests.faults.watcher import Watcher
from tests.waiting import until

pytestmark = pytest.mark.faults

#: After the cut has healed, or after it began if another worker takes over.
RESUMED_WITHIN_SECONDS = 12.0
#: The longest silence that a web process bears here, twice (once for a connection that was idle), and what a busy machine adds.
ANSWERED_WITHIN_SECONDS = 8.0

#: Without Redis, from the start to the run, and from a change to the page; and how soon a bell is heard when there is one.
STARTED_WITHIN_SECONDS, SHOWN_WITHIN_SECONDS, RUNG_WITHIN_SECONDS = 2.0, 3.0, 0.5

Cut = Callable[[Proxy, float], AbstractContextManager[None]]


def stalls(proxy: Proxy, seconds: float) -> AbstractContextManager[None]:
    """What was held back arrives afterwards."""
    return _for_a_while(proxy.stalled(), seconds)


def loses(proxy: Proxy, seconds: float) -> AbstractContextManager[None]:
    """What was open stays silent for ever, as when a firewall has forgotten it."""
    return _for_a_while(proxy.stalled(BOTH, loses=True), seconds)


def stalls_up(proxy: Proxy, seconds: float) -> AbstractContextManager[None]:
    return _for_a_while(proxy.stalled(frozenset({UP})), seconds)


def stalls_down(proxy: Proxy, seconds: float) -> AbstractContextManager[None]:
    return _for_a_while(proxy.stalled(frozenset({DOWN})), seconds)


def resets(proxy: Proxy, seconds: float) -> AbstractContextManager[None]:
    return _for_a_while(proxy.resetting(), seconds)


@contextmanager
def flaps(proxy: Proxy, seconds: float) -> Iterator[None]:
    """Cut and healed every second, now so, now so."""
    ends_at = time.monotonic() + seconds
    while time.monotonic() < ends_at:
        for cut in (proxy.stalled(), proxy.resetting(), proxy.stalled(BOTH, loses=True)):
            with cut:
                time.sleep(0.7)
            time.sleep(0.3)
    yield


@contextmanager
def _for_a_while(cut: AbstractContextManager[None], seconds: float) -> Iterator[None]:
    ends_at = time.monotonic() + seconds
    with cut:
        yield
        time.sleep(max(0.0, ends_at - time.monotonic()))  # the cut's length is what is tested


def behind(servers: Servers, *, postgres: Proxy | None = None, redis: Proxy | None = None) -> dict[str, str]:
    """The environment of a process whose way to these services leads through the proxies."""
    found = {}
    if postgres:
        at = urlsplit(servers.postgres.url)
        found["DATABASE_URL"] = f"postgresql://{at.username}:{at.password}@127.0.0.1:{postgres.port}{at.path}"
    if redis:
        password = unquote(urlsplit(servers.redis.url).password or "")
        found["REDIS_URL"] = f"redis://:{password}@127.0.0.1:{redis.port}/0"
    return found


@contextmanager
def cut_from(servers: Servers, service: str) -> Iterator[tuple[Proxy, dict[str, str]]]:
    """A proxy in front of `postgres` or `redis`, and the environment of those who use it."""
    server = servers.postgres if service == "postgres" else servers.redis
    with Proxy(server.socket_path) as proxy:
        yield proxy, behind(servers, **{service: proxy})


LONG = pytest.mark.slow
EACH = [stalls, loses, stalls_up, stalls_down, resets]


def doses(short: Cut, *long: Cut) -> list[Any]:
    """Quick leases with a short cut on every commit; the usual ones with ten seconds and a minute by `make faults`."""
    long_ones = [(cut, seconds) for cut in long for seconds in (10.0, 60.0)]
    return [
        pytest.param(short, 3.0, QUICK, id=f"{short.__name__}-3"),
        *(pytest.param(cut, seconds, {}, id=f"{cut.__name__}-{seconds:g}", marks=LONG) for cut, seconds in long_ones),
    ]


@pytest.mark.parametrize(("cut", "seconds", "environment"), doses(loses, *EACH))
def test_another_worker_takes_over_from_one_that_is_cut_from_the_database(
    make_rig: MakeRig,
    rig_servers: Servers,
    capsys: pytest.CaptureFixture[str],
    cut: Cut,
    seconds: float,
    environment: Mapping[str, str],
) -> None:
    with cut_from(rig_servers, "postgres") as (proxy, way):
        rig = make_rig(workers=0, environment=environment)
        first = rig.add_worker(way)
        first.until_ready()
        runs = UnderWay(rig, items=int(40 + 20 * seconds))
        rig.add_worker().until_ready()
        began_at = time.monotonic()
        with cut(proxy, seconds):
            resumed_after = runs.resumed_after(began_at)
        healed_at = time.monotonic()
        first.until_ready()
        ready_after = time.monotonic() - healed_at
        runs.end(seconds=60 + 2 * seconds)
    show(capsys, f"database {cut.__name__} {seconds:g} s, another worker", max(resumed_after, ready_after))


@pytest.mark.parametrize(("cut", "seconds", "environment"), doses(flaps, *EACH, flaps))
def test_a_worker_goes_on_when_its_way_to_the_database_heals(
    make_rig: MakeRig,
    rig_servers: Servers,
    capsys: pytest.CaptureFixture[str],
    cut: Cut,
    seconds: float,
    environment: Mapping[str, str],
) -> None:
    with cut_from(rig_servers, "postgres") as (proxy, way):
        rig = make_rig(workers=1, environment={**environment, **way})
        runs = UnderWay(rig, items=int(40 + 20 * seconds))
        with cut(proxy, seconds):
            pass
        resumed_after = runs.resumed_after(time.monotonic())
        runs.end(seconds=60 + 2 * seconds)
    show(capsys, f"database {cut.__name__} {seconds:g} s, same worker", resumed_after)


def test_a_worker_goes_on_when_only_its_store_is_cut_off(
    make_rig: MakeRig, rig_servers: Servers, capsys: pytest.CaptureFixture[str]
) -> None:
    """The lease is renewed on another connection all the while: nobody would take over."""
    with cut_from(rig_servers, "postgres") as (proxy, way):
        rig = make_rig(workers=1, environment={**QUICK, **way, "AGENTFLOW_DATABASE_SECONDS": "2"})
        UnderWay(rig, items=8).end()
        (pid,) = [worker.pid for worker in rig.workers]
        assert proxy.lose(saying=b"agentflow worker")
        lost_at = time.monotonic()
        UnderWay(rig, items=8).end()
        show(capsys, "connections of the store lost", time.monotonic() - lost_at)
        assert rig.workers[0].pid == pid


def test_a_worker_cut_from_redis_starts_runs_and_hears_again(
    make_rig: MakeRig, rig_servers: Servers, capsys: pytest.CaptureFixture[str]
) -> None:
    """It looks into the database once a second meanwhile; connections that stay silent are made anew."""
    with cut_from(rig_servers, "redis") as (proxy, way):
        rig = make_rig(workers=1, environment=way)
        with loses(proxy, 0):
            assert max(start_delays(rig, 5)) <= STARTED_WITHIN_SECONDS
        healed_at = time.monotonic()
        until(lambda: max(start_delays(rig, 3)) < RUNG_WITHIN_SECONDS, seconds=RESUMED_WITHIN_SECONDS)
        show(capsys, "Redis lost by a worker", time.monotonic() - healed_at)


def start_delays(rig: Rig, times: int) -> list[float]:
    """Seconds from the moment that an execution is there to its start, one after the other."""
    graph = create_graph(
        owner=rig.owner, spec=GraphSpec(name="One", nodes=(NodeSpec("a", "core.value", {"value": 1}),))
    )
    delays = []
    for _ in range(times):
        execution = ended(services.start_execution(graph, user=rig.owner, inputs={}))
        assert execution.started_at is not None
        delays.append((execution.started_at - execution.created_at).total_seconds())
    return delays


def test_pages_move_and_starts_are_taken_while_the_web_is_cut_from_redis(
    make_rig: MakeRig, rig_servers: Servers, capsys: pytest.CaptureFixture[str]
) -> None:
    with cut_from(rig_servers, "redis") as (proxy, way):
        rig = make_rig(workers=0, web=True, environment=way)
        rig.add_worker({"REDIS_URL": rig.redis.url}).until_ready()
        runs = UnderWay(rig, executions=1, items=120)
        (execution,) = runs.executions
        with Watcher(rig, execution) as watcher, caller(rig) as client, loses(proxy, 0):
            asked_at = time.monotonic()
            answer = client.post(f"/api/v1/graphs/{execution.graph_id}/execute/", json={})
            assert (answer.status_code, time.monotonic() - asked_at < ANSWERED_WITHIN_SECONDS) == (202, True)
            assert client.get("/readyz").status_code == 200
            runs.end()
        execution.refresh_from_db()
        assert execution.ended_at is not None
        lag = watcher.seen_at[-1] - execution.ended_at.timestamp()
        with capsys.disabled():
            print(f"\nweb without Redis: longest pause of a page {watcher.longest_gap:.1f} s, its end {lag:.1f} s late")  # noqa: T201
        assert watcher.status == Status.COMPLETED
        assert max(watcher.longest_gap, lag) <= SHOWN_WITHIN_SECONDS


@pytest.mark.parametrize("cut", [stalls, pytest.param(loses, marks=LONG), pytest.param(resets, marks=LONG)])
def test_requests_are_answered_while_the_web_is_cut_from_the_database(
    make_rig: MakeRig, rig_servers: Servers, cut: Cut
) -> None:
    with cut_from(rig_servers, "postgres") as (proxy, way):
        rig = make_rig(workers=0, web=True, environment={**way, "AGENTFLOW_DATABASE_SECONDS": "2"})
        rig.add_worker({"DATABASE_URL": rig.postgres.url}).until_ready()
        runs = UnderWay(rig, executions=1, items=40)
        with Watcher(rig, runs.executions[0]) as watcher, caller(rig) as client:
            with cut(proxy, 0):
                for _ in range(2):
                    asked_at = time.monotonic()
                    assert client.get("/api/v1/graphs/").status_code == 503
                    assert time.monotonic() - asked_at < ANSWERED_WITHIN_SECONDS
                assert client.get("/healthz").status_code == 200
            until(lambda: client.get("/api/v1/graphs/").status_code == 200, seconds=RESUMED_WITHIN_SECONDS)
            runs.end()
        assert watcher.status == Status.COMPLETED
        assert len(watcher.rows) == 4 + 40


def show(capsys: pytest.CaptureFixture[str], fault: str, seconds: float) -> None:
    """Print the figure for the note, and hold it to its limit."""
    with capsys.disabled():
        print(f"\n{fault}, to progress resumed: {seconds:.1f} s")  # noqa: T201
    assert seconds <= RESUMED_WITHIN_SECONDS
