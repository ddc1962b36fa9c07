"""What the engine costs per node execution, without blocks, storage or clock: `python -m tests.benchmarks.engine`."""

import sys
from collections import deque
from collections.abc import Callable
from time import perf_counter

from agentflow.graphs.spec import GraphSpec, LinkSpec, NodeSpec
from executions.engine.plan import compile_plan
from executions.engine.scheduler import Finish, Run, Scheduler, Start
from executions.engine.status import Status
from tests.engine.drawing import BLOCKS

SIZES = (1_000, 10_000)
REPEATS = 5


def chain(size: int) -> GraphSpec:
    nodes = tuple(NodeSpec(f"n{i}", "step") for i in range(size))
    return GraphSpec(nodes=nodes, links=tuple(LinkSpec(f"n{i}", "out", f"n{i + 1}", "x") for i in range(size - 1)))


def fan(size: int) -> GraphSpec:
    nodes = (NodeSpec("root", "step"), *(NodeSpec(f"n{i}", "step") for i in range(size)), NodeSpec("all", "gather"))
    out = [LinkSpec("root", "out", f"n{i}", "x") for i in range(size)]
    back = [LinkSpec(f"n{i}", "out", "all", "values") for i in range(size)]
    return GraphSpec(nodes=nodes, links=(*out, *back))


def for_each(size: int) -> GraphSpec:
    nodes = (NodeSpec("rows", "each", {"items": size}), NodeSpec("work", "step"), NodeSpec("all", "collect"))
    return GraphSpec(
        nodes=nodes, links=(LinkSpec("rows", "item", "work", "x"), LinkSpec("work", "out", "all", "items"))
    )


def nested(size: int) -> GraphSpec:
    """A tenth of the items in an outer loop, ten in each inner one."""
    nodes = (
        NodeSpec("outer", "each", {"items": size // 10}),
        NodeSpec("inner", "each", {"items": 10}),
        NodeSpec("work", "step"),
        NodeSpec("some", "collect"),
        NodeSpec("all", "collect"),
    )
    ports = [("outer", "item", "inner", "items"), ("outer", "key", "work", "y"), ("inner", "item", "work", "x")]
    ports += [("work", "out", "some", "items"), ("some", "out", "all", "items")]
    return GraphSpec(nodes=nodes, links=tuple(LinkSpec(*link) for link in ports))


def play(scheduler: Scheduler, items: dict[str, int]) -> tuple[int, Status]:
    """Carry out every command at once; how many runs there were and how it ended."""
    todo: deque[Run] = deque()
    done = 0
    status = Status.RUNNING

    def obey(commands: list) -> None:
        nonlocal status
        for command in commands:
            if type(command) is Start:
                todo.append(command.run)
            elif type(command) is Finish:
                status = command.status

    obey(scheduler.start())
    while todo:
        run = todo.popleft()
        done += 1
        for number in range(items.get(run.node, 0)):
            obey(scheduler.emit(run, "item", number, 0))
            obey(scheduler.emit(run, "key", number, 0))
        if run.node not in items:
            obey(scheduler.emit(run, "out", 1, 0))
        obey(scheduler.complete(run))
    return done, status


def measure(make: Callable[[int], GraphSpec], size: int) -> tuple[float, float, int]:
    """Microseconds per node to compile and to run (the best of some), and the number of runs."""
    spec = make(size)
    items = {node.key: node.config["items"] for node in spec.nodes if node.block == "each"}
    bare = GraphSpec(nodes=tuple(NodeSpec(node.key, node.block) for node in spec.nodes), links=spec.links)
    compiling, running, done = [], [], 0
    for _ in range(REPEATS):
        begin = perf_counter()
        plan = compile_plan(bare, BLOCKS)
        compiling.append(perf_counter() - begin)
        begin = perf_counter()
        done, status = play(Scheduler(plan), items)
        running.append(perf_counter() - begin)
        if status is not Status.COMPLETED:
            raise SystemExit(f"{make.__name__} of {size} ended {status}")
    return min(compiling) / len(spec.nodes) * 1e6, min(running) / done * 1e6, done


def main(chosen: list[str]) -> None:
    """Print the table."""
    out = sys.stdout.write
    out(f"{'graph':<10}{'size':>8}{'runs':>8}{'compile µs/node':>17}{'run µs/node':>13}{'growth':>9}\n")
    for make in (chain, fan, for_each, nested):
        first = 0.0
        for size in SIZES:
            compiling, running, done = measure(make, size)
            first = first or running
            out(f"{make.__name__:<10}{size:>8,}{done:>8,}{compiling:>17.1f}{running:>13.2f}{running / first:>8.2f}×\n")


if __name__ == "__main__":
    main([])
