"""Running again from an execution: which of its results are kept and which nodes run."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction

from agentflow.credentials.needs import missing, needs_of
from agentflow.graphs.models import GraphVersion
from agentflow.graphs.ports import ports_of
from agentflow.graphs.spec import GraphSpec
from agentflow.graphs.validation import validate
from agentflow.graphs.wiring import name_of
from blocks.base import Effect
from blocks.registry import registry
from executions.engine.status import Status
from executions.models import Execution, NodeExecution
from executions.scope import Choice, scoped
from executions.starting import StartRefused, announce, refuse_problems, refuse_unpaid


def retry_execution(
    execution: Execution,
    *,
    user: User,
    from_nodes: Collection[str] = (),
    to_nodes: Collection[str] = (),
    node: str = "",
    inputs: Mapping[str, Any] | None = None,
    repeat_once: bool = False,
) -> Execution:
    """A new execution of the same version with the same inputs that keeps what is not to run again.

    Without a choice: everything that completed is kept, the failed nodes and what is behind them runs. `from_nodes`: they
    and everything behind them run anew. `to_nodes`: nothing but they and what they need. `node` with `inputs`: this node
    alone, on this input by port.

    Raises:
        StartRefused: an unknown node, an input that does not fit, or steps that must happen only once would happen again
            (code `repeats_once`) and `repeat_once` does not say that they may.
    """
    version = GraphVersion.objects.get(pk=execution.version_id)
    spec = GraphSpec.from_json(version.spec)
    _refuse_unknown(spec, from_nodes, to_nodes, node)
    choice = _choice(spec, execution.choice, from_nodes, to_nodes, node, inputs)
    ran = scoped(spec, choice)[0]
    refuse_problems([problem for problem in validate(ran, registry()) if problem.severity == "error"])
    refuse_unpaid(version.pk, graph=execution.graph_id, owner=user.pk)
    refuse_problems(missing(needs_of(ran, registry()), user))
    if not repeat_once:
        _refuse_repeats(execution, ran, choice)
    given = Execution.objects.values_list("inputs", flat=True).get(pk=execution.pk)
    made = Execution(
        graph_id=execution.graph_id,
        version=version,
        owner=user,
        inputs=given,
        trigger="retry",
        concurrency=settings.EXECUTION_CONCURRENCY,
        retry_of=execution,
        choice=choice,
        use_pins=execution.use_pins,
    )
    with transaction.atomic():
        made.save(force_insert=True)
        transaction.on_commit(lambda: announce(made))
    return made


def _choice(
    spec: GraphSpec,
    earlier: Choice | None,
    from_nodes: Collection[str],
    to_nodes: Collection[str],
    node: str,
    inputs: Mapping[str, Any] | None,
) -> Choice:
    if node:
        return {"only": [node], "inputs": dict(inputs or {})}
    before = {name: part for name, part in (earlier or {}).items() if name in ("only", "inputs")}
    choice: Choice = {**before, "reuse": True}
    if from_nodes:
        choice["fresh"] = _closure(from_nodes, ((link.source, link.sink) for link in spec.links))
    if to_nodes:
        choice.pop("inputs", None)  # of a run of one node alone, which this one is not
        choice["only"] = _closure(to_nodes, ((link.sink, link.source) for link in spec.links))
    return choice


def _closure(keys: Iterable[str], steps: Iterable[tuple[str, str]]) -> list[str]:
    """The keys and all that can be reached from them."""
    ahead: dict[str, list[str]] = {}
    for start, end in steps:
        ahead.setdefault(start, []).append(end)
    found = set(keys)
    todo = list(found)
    while todo:
        fresh = set(ahead.get(todo.pop(), ())) - found
        found |= fresh
        todo += fresh
    return sorted(found)


def _refuse_unknown(spec: GraphSpec, from_nodes: Collection[str], to_nodes: Collection[str], node: str) -> None:
    known = {each.key for each in spec.nodes}
    asked = {"from": from_nodes, "to": to_nodes, "node": [node] if node else []}
    problems = [
        {"pointer": f"#/{name}", "detail": f"The version that ran has no node “{key}”."}
        for name, keys in asked.items()
        for key in keys
        if key not in known
    ]
    if problems:
        raise StartRefused(problems)


def _refuse_repeats(execution: Execution, ran: GraphSpec, choice: Choice) -> None:
    """Steps that must happen only once, and may have happened, must not silently happen again."""
    fresh = choice.get("fresh", ())
    rows = NodeExecution.objects.filter(execution=execution).exclude(started_at=None).values("node", "status", "error")
    by_node: dict[str, list[Mapping[str, Any]]] = {}
    once = {n.key: n for n in ran.nodes if (ports := ports_of(n, registry())) and ports.block.effect is Effect.ONCE}
    for row in rows.filter(node__in=once):
        by_node.setdefault(row["node"], []).append(row)
    problems = [
        {
            "code": "repeats_once",
            "pointer": "#/repeat_once",
            "node": key,
            "detail": f"{name_of(node)} must happen only once, and it has happened or may have.",
        }
        for key, node in once.items()
        for is_kept in [bool(choice.get("reuse")) and key not in fresh]
        if any(_would_repeat(row, is_kept=is_kept) for row in by_node.get(key, ()))
    ]
    if problems:
        raise StartRefused(problems)


def _would_repeat(row: Mapping[str, Any], *, is_kept: bool) -> bool:
    """The run may have had its effect, and nothing stands for it in the new execution."""
    if row["status"] == Status.COMPLETED:
        return not is_kept
    return row["status"] != Status.FAILED or (row["error"] or {}).get("kind") != "block"
