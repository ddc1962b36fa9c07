"""What every start needs: the version and the inputs checked, the workers told."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import redis
from django.contrib.auth.models import User

from agentflow import wake
from agentflow.credentials.needs import Need, missing, needs_of
from agentflow.graphs.models import GraphVersion
from agentflow.graphs.spec import GraphSpec, NodeSpec
from agentflow.graphs.validation import Problem, validate
from blocks.base import BlockError
from blocks.registry import registry
from executions import funds
from executions.crash_points import Point, reached
from executions.inputs import InputsRefused, input_nodes, resolve_inputs
from executions.models import Execution
from executions.tickets import enqueue_ticket
from executions.values import encode

#: Tickets for one request: a worker that is rung claims all that it has room for.
MOST_TICKETS = 20
GONE = {"pointer": "#/version", "detail": "The graph, or this version of it, was deleted."}


class StartRefused(Exception):
    """The graph or the inputs do not allow a start; `problems` are `{pointer, detail, node?}`."""

    def __init__(self, problems: list[dict[str, Any]]) -> None:
        super().__init__("; ".join(problem["detail"] for problem in problems))
        self.problems = problems


class OutOfFunds(StartRefused):
    """The run would cost something, and there is no money for it."""

    def __init__(self, reason: str) -> None:
        super().__init__([{"pointer": "#", "detail": reason}])


def checked_inputs(version: GraphVersion, inputs: Mapping[str, Any], user: User | None = None) -> dict[str, Any]:
    """The inputs as the version takes them.

    Raises:
        StartRefused: the version has errors, names credentials that the user may not use, or the inputs do not fit.
    """
    checks = _checks(version.pk)
    refuse_problems(checks.problems)
    if user is not None and checks.needs:
        refuse_problems(missing(checks.needs, user))
    try:
        resolved = resolve_inputs(checks.inputs, inputs)
        encode(resolved)
    except InputsRefused as error:
        raise StartRefused(list(error.problems)) from error
    except BlockError as error:
        raise StartRefused([{"pointer": "#/inputs", "detail": error.message}]) from error
    return resolved


def refuse_errors(version: int, user: User) -> None:
    """Raise StartRefused if the version cannot run for the user."""
    checks = _checks(version)
    refuse_problems(checks.problems)
    if checks.needs:
        refuse_problems(missing(checks.needs, user))


def refuse_unpaid(version: int, *, graph: int, owner: int) -> None:
    """Raise OutOfFunds if the version has steps that cost something and there is no money for them."""
    if funds.current is not None and _checks(version).is_paid:
        reason = funds.current.why_no_start(graph=graph, owner=owner)
        if reason:
            raise OutOfFunds(reason)


def refuse_problems(problems: Sequence[Problem]) -> None:
    """Raise StartRefused if there are any."""
    if problems:
        raise StartRefused([{"pointer": p.pointer, "detail": p.detail, "node": p.node} for p in problems])


def announce(*executions: Execution) -> None:
    """Ring for the workers, and for those who look at the graph; with no worker there to hear it, leave tickets.

    A bell costs less than a ticket, which RQ has to store, hand out and account for.
    """
    reached(Point.EXECUTION_STORED)
    graphs = {f"g:{execution.graph_id}:0" for execution in executions}
    heard = wake.heard((wake.CONTROL_CHANNEL, "work"), *((wake.WAKE_CHANNEL, graph) for graph in graphs))
    if heard is None or heard[0]:
        return  # workers are awake, or look by themselves; the caller waits for Redis only once
    for execution in executions[:MOST_TICKETS]:
        try:
            enqueue_ticket(execution.pk)
        except redis.RedisError:
            extra = {"action": "ticket_failed", "execution": str(execution.pk)}
            wake.logger.warning("ticket not sent", extra=extra)
            return


class _Checks(NamedTuple):
    """What a start must know of a version, however large its graph is."""

    inputs: tuple[NodeSpec, ...]
    problems: tuple[Problem, ...]
    #: It has steps that may cost something.
    is_paid: bool
    #: Credentials that nodes name.
    needs: tuple[Need, ...]


@lru_cache(maxsize=500)
def _checks(version_id: int) -> _Checks:
    """A version never changes, and blocks only with the process: it is looked at once."""
    data = GraphVersion.objects.filter(pk=version_id).values_list("spec", flat=True).first()
    if data is None:
        raise StartRefused([GONE])
    spec = GraphSpec.from_json(data)
    problems = tuple(problem for problem in validate(spec, registry()) if problem.severity == "error")
    is_paid = any(block.costs for node in spec.nodes if (block := registry().blocks.get(node.block)))
    return _Checks(input_nodes(spec), problems, is_paid, needs_of(spec, registry()))
