"""What is measured, each with the figure to reach; all of it through the public API and the product's own processes."""

import statistics
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor

from tests.benchmarks import graphs, tasks
from tests.benchmarks.client import Api, resident_megabytes
from tests.benchmarks.figures import Figure
from tests.benchmarks.history import history
from tests.benchmarks.service import service
from tests.benchmarks.sockets import sockets

REPEATS = 7
FIB_HEAVY, HEAVY_NODES = 30, 10
SETTLE_SECONDS, IDLE_SECONDS = 5.0, 20.0


Work = Callable[[Api], Iterator[Figure]]


def chain(api: Api) -> Iterator[Figure]:
    """A lone chain, pure and durable."""
    yield _best(api, "chain of 40 pure nodes", graphs.chain(40), goal=0.04, peer=("chain", (40,)))
    yield _best(api, "chain of 40 `once` nodes", graphs.chain(40, "bench.once"), goal=0.25)


def fan(api: Api) -> Iterator[Figure]:
    """Many nodes side by side."""
    yield _best(api, "source, 1,000 nodes, gather", graphs.fan(1_000), goal=0.25, peer=("fan", (1_000,)))


def single(api: Api) -> Iterator[Figure]:
    """The latency of one node over HTTP."""
    graph = api.graph("single", graphs.chain(1))
    seconds = sorted(api.run(graph) for _ in range(220))[:-20] if api.run(graph) else []
    yield Figure("one node over HTTP, p50", statistics.median(seconds) * 1e3, "ms", 15)
    yield Figure("one node over HTTP, p95", seconds[int(len(seconds) * 0.95)] * 1e3, "ms", 30)


def batch(api: Api) -> Iterator[Figure]:
    """Many small executions at once."""
    graph = api.graph("batch", graphs.chain(10))
    api.run(graph)
    seconds = min(api.run_many(graph, 500) for _ in range(3))
    yield Figure("500 chains of 10", seconds, peer=("chains", (500, 10)))
    yield Figure("500 chains of 10, durable nodes", 5_000 / seconds, "/s", 5_000, is_rate=True)


def waits(api: Api) -> Iterator[Figure]:
    """Executions that wait for the other side, in one worker."""
    graph = api.graph("waits", graphs.chain(3, "bench.await"))
    api.run(graph)
    for count, goal in ((300, 3.6), (1_000, 4.5)):
        yield Figure(f"{count:,} runs of 3 x 1 s", api.run_many(graph, count), goal=goal)
    yield Figure("worker's memory after that", resident_megabytes(api.processes()["worker"]), "MB", 150)


def large_graphs(api: Api) -> Iterator[Figure]:
    """Ten thousand nodes, and what one costs more than in a graph of a thousand."""
    makers: dict[str, Callable[[int], graphs.Spec]] = {
        "chain": graphs.chain,
        "fan": graphs.fan,
        "for each": graphs.loop,
    }
    for name, make in makers.items():
        small, big = (_least(api, f"{name} {size}", make(size), repeats=3) for size in (1_000, 10_000))
        yield Figure(f"{name} of 10,000", big, goal=1.5)
        yield Figure(f"{name}: a node of 10,000 against 1,000", big / small / 10, "x", 1.3)


def heavy(api: Api) -> Iterator[Figure]:
    """Processor-bound nodes against bare Python in as many processes as this machine has cores."""
    graph = api.graph("heavy", graphs.side_by_side(HEAVY_NODES, "bench.heavy", n=FIB_HEAVY))
    api.run(graph)
    bare, taken = [], []
    with ProcessPoolExecutor(2) as pool:
        list(pool.map(tasks.fib, [10] * 2))
        for _ in range(REPEATS):  # in turn, so that whatever else the machine does meets both
            began = time.perf_counter()
            list(pool.map(tasks.fib, [FIB_HEAVY] * HEAVY_NODES))
            bare.append(time.perf_counter() - began)
            taken.append(api.run(graph))
    yield Figure(f"{HEAVY_NODES} process nodes of fib({FIB_HEAVY})", min(taken))
    yield Figure("the same against bare Python", min(taken) / min(bare), "x", 1.1, note=f"bare {min(bare):.2f} s")


def values(api: Api) -> Iterator[Figure]:
    """A large value that is passed on."""
    one, five = (_least(api, f"large {count}", graphs.large(count), repeats=3) for count in (1, 5))
    yield Figure("10 MB through 5 nodes", five)
    yield Figure("the same against one node", five / one, "x", 1.5, note=f"one {one:.2f} s")


def idle(api: Api) -> Iterator[Figure]:
    """What it costs to have it running."""
    names = ("web", "worker", "nodes")
    time.sleep(SETTLE_SECONDS)
    before = api.cpu_seconds(*names)
    time.sleep(IDLE_SECONDS)
    share = (api.cpu_seconds(*names) - before) / IDLE_SECONDS
    yield Figure("idle: web, worker, nodes together", api.megabytes(*names), "MB", 300)
    yield Figure("idle: processor", share * 100, "%", 1)


def _least(api: Api, name: str, spec: graphs.Spec, repeats: int) -> float:
    graph = api.graph(name, spec)
    api.run(graph)
    return min(api.run(graph) for _ in range(repeats))


def _best(
    api: Api, name: str, spec: graphs.Spec, *, goal: float, peer: tuple[str, tuple[int, ...]] | None = None
) -> Figure:
    graph = api.graph(name, spec)
    api.run(graph)
    seconds = [api.run(graph) for _ in range(REPEATS)]
    return Figure(name, min(seconds), goal=goal, peer=peer, note=f"median {statistics.median(seconds):.3f}")


#: By name, in the order in which they run; the idle one first, before anything has grown.
WORKS: dict[str, Work] = {
    "idle": idle,
    "single": single,
    "service": service,
    "chain": chain,
    "fan": fan,
    "batch": batch,
    "waits": waits,
    "values": values,
    "heavy": heavy,
    "large": large_graphs,
    "sockets": sockets,
    "history": history,
}
