"""Results of an earlier execution that stand for runs of a new one: the same block on the same input, by fingerprint."""

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from hashlib import blake2b
from typing import Any
from uuid import UUID

import orjson

from blocks.base import ERROR_PORT, Effect, PortKind
from executions.engine.commands import Run
from executions.engine.inputs import InputError, assemble
from executions.engine.plan import NodePlan, Plan
from executions.engine.scheduler import Scheduler
from executions.engine.status import FINAL, Status
from executions.inputs import INPUT_BLOCK
from executions.replay import Replayed, RunKey, replay, run_key

Outputs = list[tuple[str, Any]]


class Book:
    """The completed runs of an earlier execution, to be taken instead of running the same again."""

    def __init__(self, *, fresh: Collection[str] = ()) -> None:
        #: Keys of nodes that run in any case.
        self._fresh = frozenset(fresh)
        self._kept: dict[tuple[str, str], dict[RunKey, Outputs]] = defaultdict(dict)
        #: What runs that are not over had taken before they were taken up again.
        self._taken: dict[RunKey, Outputs] = {}

    @classmethod
    def read(
        cls,
        plan: Plan,
        nodes: Sequence[Mapping[str, Any]],
        outputs: Iterable[Mapping[str, Any]],
        values: Mapping[int, Any],
        *,
        fresh: Collection[str] = (),
    ) -> "Book":
        """The book of an execution that ran this plan, from its records.

        Raises:
            ReplayError: the records do not follow from the plan.
        """
        book = cls(fresh=fresh)
        outputs = list(outputs)
        scheduler = Scheduler(plan)
        runs = replay(scheduler, nodes, outputs, values, time_over=scheduler.cancel).runs
        yielded: dict[UUID, Outputs] = defaultdict(list)
        for output in outputs:
            if output["port"] != ERROR_PORT:
                yielded[output["node_execution_id"]].append((output["port"], values[output["seq"]]))
        for row in nodes:
            key = run_key(row)
            if row["status"] == Status.COMPLETED and not row["pinned"] and key in runs:
                book.keep(plan.nodes[row["node"]], runs[key], yielded[row["id"]])
        return book

    def keep(self, node: NodePlan, run: Run, outputs: Outputs) -> None:
        """What a run of the earlier execution gave."""
        if self._may_keep(node) and (print_ := fingerprint(node, run)):
            self._kept[node.key, print_][run.key] = outputs

    def take(self, node: NodePlan, run: Run) -> Outputs | None:
        """The result of the same run, else of another run of the node on the same input; each once unless it is pure."""
        if run.key in self._taken:
            return self._taken[run.key]
        print_ = fingerprint(node, run) if self._may_keep(node) else ""
        kept = self._kept.get((node.key, print_))
        if not kept:
            return None
        key = run.key if run.key in kept else min(kept)
        return kept[key] if node.effect is Effect.PURE else kept.pop(key)

    def take_again(self, plan: Plan, replayed: Replayed) -> None:
        """Take what the records of the new execution say was taken, in the order in which its runs began."""
        taken = [known for known in replayed.recorded.values() if known.row["reused"]]
        for known in sorted(taken, key=lambda known: known.row["started_at"]):
            run = replayed.runs[run_key(known.row)]
            outputs = self.take(plan.nodes[run.node], run)
            if outputs is not None and known.status not in FINAL:
                self._taken[run.key] = outputs

    def _may_keep(self, node: NodePlan) -> bool:
        """What an input of the graph gives follows from the execution, not from what arrives at the node."""
        return node.key not in self._fresh and node.block_id != INPUT_BLOCK


def fingerprint(node: NodePlan, run: Run) -> str:
    """Digest of block, version and input; empty when the input does not fit the block."""
    try:
        values = assemble(node, run.arrivals)
    except InputError:
        return ""
    given = [node.block_id, node.block.version, values, {port: list(of) for port, of in run.indices.items()}]
    return blake2b(_canonical(given), digest_size=16).hexdigest()


def as_yielded(node: NodePlan, told: Mapping[str, Any]) -> Outputs:
    """Outputs that a person told by port, as a run would yield them: of a stream item by item."""
    streams = {port.name for port in node.block.output_ports(node.config) if port.kind is PortKind.STREAM}
    outputs: Outputs = []
    for port, value in told.items():
        outputs += [(port, item) for item in value] if port in streams and isinstance(value, list) else [(port, value)]
    return outputs


def _canonical(value: Any) -> bytes:
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    except TypeError:  # whole numbers beyond 64 bits
        return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()
