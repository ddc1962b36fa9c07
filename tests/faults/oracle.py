"""What must hold after everything that was broken: one judge for all fault tests.

`judge` gives what is wrong, in words and by kind; nothing is what is wanted.
"""

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from uuid import UUID

import rq

from executions.engine.status import Status
from executions.models import Approval, Execution, NodeExecution, NodeJob, Output
from tests.faults import audit
from tests.faults.blocks import EFFECTFUL, ONCE
from tests.faults.effects import Effect, Effects
from tests.faults.rig import Rig
from tests.faults.workload import RunKey, Workload

#: Executions judged together.
BATCH = 500
#: What ends by itself a moment after the last execution: the last job's row, the last beat.
SETTLE_SECONDS = 20.0

Verdict = dict[str, list[str]]
#: `repeated`: an effect that may be repeated was, although nothing was lost; `once`: one that must not.
KINDS = ("lost", "stuck", "wrong", "duplicates", "effects", "repeated", "once", "numbers", "fencing", "left")


def judge(rig: Rig, workload: Workload, effects: Effects, started: Sequence[Execution]) -> Verdict:
    """All that is wrong, by kind."""
    found: list[tuple[str, str]] = []
    there = set(Execution.objects.filter(parent=None).values_list("pk", flat=True))
    found += [("lost", f"{one.pk} was started and is gone") for one in started if one.pk not in there]
    if extra := len(there) - len(started):
        found.append(("duplicates", f"{extra} more executions than were started"))
    seen = effects.by_key()
    all_ids = list(Execution.objects.order_by("pk").values_list("pk", flat=True))
    for first in range(0, len(all_ids), BATCH):
        found += _judge_some(all_ids[first : first + BATCH], workload, seen)
    found += [("effects", f"an effect of nobody's: {effects}") for effects in seen.values()]
    with rig.postgres.connect() as connection:
        found += [("fencing", violation) for violation in audit.violations(connection)]
    found += [("left", thing) for thing in left_behind(rig)]
    return {kind: [what for this, what in found if this == kind] for kind in KINDS}


def _judge_some(ids: Sequence[UUID], workload: Workload, seen: dict[str, list[Effect]]) -> Iterator[tuple[str, str]]:
    nodes: dict[UUID, list[NodeExecution]] = {id: [] for id in ids}
    for node in NodeExecution.objects.filter(execution__in=ids).defer("error", "arrivals", "log", "usage"):
        nodes[node.execution_id].append(node)
    outputs: dict[UUID, list[tuple[UUID, int, int]]] = {id: [] for id in ids}
    of_ids = Output.objects.filter(execution__in=ids)
    for id, node_id, index, seq in of_ids.values_list("execution", "node_execution", "index", "seq"):
        outputs[id].append((node_id, index, seq))
    for execution in Execution.objects.filter(pk__in=ids):
        name = f"{execution.pk} of graph {execution.graph_id} with {execution.inputs}"
        if execution.ended_at is None:
            yield "stuck", f"{name} is {execution.status}, held by {execution.holder_id}, {execution.events}"
            continue
        rows = nodes[execution.pk]
        for kind, what in (
            *_result(execution, rows, workload),
            *_numbers(execution, rows, outputs[execution.pk]),
            *_effects(execution, rows, seen),
        ):
            yield kind, f"{name}: {what}"


def _result(execution: Execution, rows: Sequence[NodeExecution], workload: Workload) -> Iterator[tuple[str, str]]:
    """Status, outputs and rows are those of a run without faults."""
    truth = workload.truth(execution.graph_id, execution.inputs)
    if (execution.status, execution.outputs) != (truth.status, truth.outputs):
        wanted = f"{truth.status} {truth.outputs}"
        yield "wrong", f"{execution.status} {execution.outputs} {execution.error}, not {wanted}; {execution.events}"
    found: Counter[RunKey] = Counter((row.node, tuple(row.path), row.ordinal) for row in rows)
    if twice := [key for key, times in found.items() if times > 1]:
        yield "duplicates", f"rows twice: {twice}"
    statuses = {(row.node, tuple(row.path), row.ordinal): Status(row.status) for row in rows}
    if statuses != truth.rows:
        differ = {key: (statuses.get(key), truth.rows.get(key)) for key, _ in statuses.items() ^ truth.rows.items()}
        yield "wrong", f"rows differ, found and wanted: {differ}"


def _numbers(
    execution: Execution, rows: Sequence[NodeExecution], outputs: Sequence[tuple[UUID, int, int]]
) -> Iterator[tuple[str, str]]:
    """Every number was used once and none is beyond the execution's; a node's outputs are numbered without gaps."""
    numbers = [row.seq for row in rows] + [seq for *_, seq in outputs]
    if len(set(numbers)) != len(numbers):
        yield "numbers", f"used twice: {[number for number, times in Counter(numbers).items() if times > 1]}"
    if numbers and max(numbers) > execution.seq:
        yield "numbers", f"{max(numbers)} is beyond {execution.seq}"
    indices: dict[UUID, list[int]] = {}
    for node, index, _ in outputs:
        indices.setdefault(node, []).append(index)
    for node, found in indices.items():
        if sorted(found) != list(range(len(found))):
            yield "numbers", f"outputs of {node} are numbered {sorted(found)}"


def _effects(
    execution: Execution, rows: Sequence[NodeExecution], seen: dict[str, list[Effect]]
) -> Iterator[tuple[str, str]]:
    """Each step's effect was seen, under its own key, with one value, and again only after the loss of who ran it.

    What is judged is taken out of `seen`.
    """
    may_repeat = {"fault.post_process"} | (EFFECTFUL - ONCE if _lost_a_worker(execution) else set())
    for row in rows:
        effects = seen.pop(str(row.pk), [])
        if row.block in EFFECTFUL and row.status == Status.COMPLETED and not effects:
            yield "effects", f"{row.node} {row.path} is completed and was not seen"
        if len({(effect.path, str(effect.value)) for effect in effects}) > 1:
            yield "effects", f"{row.node} {row.path} was seen with different values: {effects}"
        if len(effects) > 1 and row.block not in may_repeat:
            kind = "once" if row.block in ONCE else "repeated"
            yield kind, f"{row.node} {row.path} happened at {[effect.at for effect in effects]}, {execution.events}"


def _lost_a_worker(execution: Execution) -> bool:
    return any(event["kind"] == "worker_lost" for event in execution.events)


def left_behind(rig: Rig) -> list[str]:
    """What stays although everything is over, after a moment in which the last things end by themselves."""
    deadline = time.monotonic() + SETTLE_SECONDS
    while (found := _left(rig)) and time.monotonic() < deadline:
        time.sleep(0.2)
    return found


def _left(rig: Rig) -> list[str]:
    found = [f"execution {id} is held" for id in Execution.objects.exclude(holder=None).values_list("pk", flat=True)]
    found += [f"node job {token}" for token in NodeJob.objects.values_list("pk", flat=True)]
    open_questions = Approval.objects.filter(decided_at=None, closed_at=None)
    found += [f"question {id} is open" for id in open_questions.values_list("pk", flat=True)]
    untold = Execution.objects.filter(told_parent=False)
    found += [f"the parent of {id} was not told" for id in untold.values_list("pk", flat=True)]
    return found + [f"process {pid}: {what}" for pid, what in orphans(rig)] + leaked_keys(rig)


def orphans(rig: Rig) -> list[tuple[int, str]]:
    """Processes of the rig that nobody minds any more: their parent is gone."""
    parents = {process.pid for process in rig.processes}
    return [(pid, what) for pid, parent, what in _processes_of(rig) if pid not in parents and parent not in parents]


def _processes_of(rig: Rig) -> Iterator[tuple[int, int, str]]:
    """Id, parent and command of every process with the rig's mark in its environment, without this one."""
    mark = f"{rig.MARK}={rig.mark}".encode()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if mark in (folder / "environ").read_bytes().split(b"\0"):
                fields = (folder / "stat").read_text().rpartition(")")[2].split()
                yield int(folder.name), int(fields[1]), (folder / "cmdline").read_text().replace("\0", " ")
        except OSError:  # it has just ended
            continue


def leaked_keys(rig: Rig) -> list[str]:
    """Keys in Redis that never go away and that no queue's bookkeeping explains.

    A job that a worker died with stays in the queue's intermediate list, or among the started ones, until RQ's
    maintenance puts it among the failed ones, for an hour.
    """
    with rig.redis.client() as client:
        allowed = {"rq:workers", "rq:queues", *(f"rq:worker:{worker.name}" for worker in rq.Worker.all(client))}
        for queue in ("default", "nodes"):
            taken, started = f"rq:queue:{queue}:intermediate", f"rq:wip:{queue}"
            jobs = [*client.lrange(taken, 0, -1), *client.zrange(started, 0, -1)]
            allowed |= {f"rq:workers:{queue}", taken, started, f"rq:failed:{queue}"}
            allowed |= {f"rq:job:{job.decode().partition(':')[0]}" for job in jobs}
        keys = {key.decode() for key in client.keys("*")}
        return [f"key {key}" for key in sorted(keys - allowed) if client.ttl(key) == -1]
