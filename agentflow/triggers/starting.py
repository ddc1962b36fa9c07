"""What every trigger does when it starts its graph."""

from collections.abc import Mapping, Sequence
from typing import Any

from agentflow.graphs.models import Role
from agentflow.graphs.permissions import graphs_for
from agentflow.triggers.models import Trigger
from executions.models import Execution
from executions.services import IdempotencyConflict, StartRefused, start_execution


class CannotStart(Exception):
    """Nothing can be started; the message says why."""

    def __init__(self, detail: str, problems: Sequence[Mapping[str, Any]] = ()) -> None:
        super().__init__(detail)
        self.problems = problems

    @property
    def is_lasting(self) -> bool:
        """Other inputs would not help: somebody has to mend the graph or the trigger."""
        return not (self.problems and all(problem["pointer"].startswith("#/inputs") for problem in self.problems))


GRAPH_GONE = "Its graph was deleted."
OWNER_GONE = "The person in whose name it ran is gone. Somebody who may edit the graph has to make it anew."


def start(trigger: Trigger, inputs: Mapping[str, Any], *, key: str, digest: str = "") -> Execution:
    """The run that this event starts; the same event again gives the same run.

    It runs the published version, else the draft as it is now, in the name of the trigger's owner. `key` names the event
    among those of this trigger.

    Raises:
        CannotStart: graph or owner are gone, the owner may not run it any more, it has errors, or inputs do not fit.
        IdempotencyConflict: the key was used with another digest.
    """
    if trigger.graph_id is None:
        raise CannotStart(GRAPH_GONE)
    if trigger.owner is None or not trigger.owner.is_active:
        raise CannotStart(OWNER_GONE)
    graph = graphs_for(trigger.owner, Role.RUNNER).select_related("published").filter(pk=trigger.graph_id).first()
    if graph is None:
        raise CannotStart(f"{trigger.owner.get_username()} may not run this graph any more.")
    try:
        return start_execution(
            graph,
            user=trigger.owner,
            inputs={**trigger.inputs, **inputs},
            version=graph.published,
            trigger=trigger.kind,
            idempotency_key=key_of(trigger, key),
            idempotency_digest=digest,
        )
    except StartRefused as error:
        detail = " ".join(problem["detail"] for problem in error.problems)
        raise CannotStart(detail, error.problems) from error


def key_of(trigger: Trigger, event: str) -> str:
    """The idempotency key of an event: `schedule:7:2026-12-01T08:00:00+00:00`."""
    return f"{trigger.kind}:{trigger.pk}:{event}"


__all__ = ["CannotStart", "IdempotencyConflict", "key_of", "start"]
