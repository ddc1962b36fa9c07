"""One node execution as the inspector shows it: what went in, what came out."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import lru_cache
from typing import Any
from uuid import UUID

from agentflow.credentials.needs import credentials_of
from agentflow.credentials.services import hiding_of
from agentflow.graphs.models import GraphVersion
from agentflow.graphs.spec import GraphSpec, SpecError
from blocks.registry import registry
from executions.api.clipping import Clipped, clipped
from executions.engine.commands import Arrival
from executions.engine.inputs import InputError, assemble
from executions.engine.plan import Plan, PlanError, compile_plan
from executions.engine.reach import MISSING, WrongKindError, reach
from executions.models import NodeExecution, Output
from executions.values import load, load_blob

#: Outputs in one answer.
MOST_OUTPUTS = 200
#: Bytes of blobs that are read to show a node's inputs.
MOST_INPUT_BYTES = 16_000_000
#: A blob that is not even read for its beginning.
MOST_PREVIEW_BYTES = 4_000_000


class NotShown(Exception):
    """Why the inputs cannot be shown."""


def inputs_of(run: NodeExecution, version: int) -> dict[str, Any]:
    """`{inputs, cut_inputs: {port: size}, input_error}` of a node execution, without secrets of what it has opened."""
    try:
        given = _assembled(run, version)
    except (NotShown, InputError, WrongKindError) as error:
        return {"inputs": {}, "cut_inputs": {}, "input_error": str(error)}
    node = plan_of(version).nodes[run.node]
    if hiding := hiding_of(credentials_of(node.block_id, node.block, given)):
        given = {port: hiding.value(value) for port, value in given.items()}
    shown = {port: clipped(value) for port, value in given.items()}
    return {
        "inputs": {port: part.value for port, part in shown.items()},
        "cut_inputs": {port: part.size for port, part in shown.items() if part.is_cut},
        "input_error": "",
    }


def outputs_of(run: NodeExecution, after: int) -> tuple[list[dict[str, Any]], bool]:
    """Outputs with an index above `after`, in the order of yielding; whether more follow."""
    rows = Output.objects.filter(node_execution=run, index__gt=after).select_related("blob").order_by("index")
    found = list(rows[: MOST_OUTPUTS + 1])
    return [_output(row) for row in found[:MOST_OUTPUTS]], len(found) > MOST_OUTPUTS


def log_of(run: NodeExecution) -> list[dict[str, Any]]:
    """Lines of the node's log with their times."""
    start = run.started_at or run.queued_at
    return [
        {"at": start + timedelta(seconds=seconds) if start else None, "level": level, "message": message}
        for seconds, level, message in run.log
    ]


def _output(row: Output) -> dict[str, Any]:
    value, size, is_cut = _shown(row)
    return {"index": row.index, "port": row.port, "value": value, "size": size, "truncated": is_cut}


def _shown(row: Output) -> Clipped:
    if row.blob is None:
        return clipped(row.value)
    if row.blob.size > MOST_PREVIEW_BYTES:
        return Clipped(None, row.blob.size, is_cut=True)
    return clipped(load_blob(row.blob.sha256))


def _assembled(run: NodeExecution, version: int) -> dict[str, Any]:
    plan = plan_of(version)
    if run.node not in plan.nodes:
        raise NotShown("The version that ran has no such node.")
    values = _values(run.execution_id, [ref for _, ref in run.arrivals])
    arrivals = [
        Arrival(link, _part(values[ref], plan.links[link].parts), ref) for link, ref in run.arrivals if ref in values
    ]
    return assemble(plan.nodes[run.node], arrivals)


def _values(execution: UUID, refs: Sequence[int]) -> Mapping[int, Any]:
    rows = list(Output.objects.filter(execution=execution, seq__in=refs).select_related("blob"))
    if sum(row.blob.size for row in rows if row.blob) > MOST_INPUT_BYTES:
        raise NotShown("What went in is too large to be shown here; see the outputs of the nodes before.")
    return {row.seq: load(row) for row in rows}


def _part(value: Any, parts: Sequence[str]) -> Any:
    found = reach(value, parts)
    return None if found is MISSING else found


@lru_cache(maxsize=16)
def plan_of(version: int) -> Plan:
    """The plan of a version, which never changes.

    Raises:
        NotShown: one of its blocks is gone or has changed since.
    """
    spec = GraphVersion.objects.values_list("spec", flat=True).get(pk=version)
    try:
        return compile_plan(GraphSpec.from_json(spec), registry())
    except (SpecError, PlanError) as error:
        raise NotShown(f"The version that ran can no longer be read: {error}") from None
