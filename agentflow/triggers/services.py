"""Verbs over triggers of every kind: make, change, pause, let go on, test, delete."""

from collections.abc import Mapping
from typing import Any, TypeVar
from uuid import uuid4

from django.contrib.auth.models import User
from django.db import transaction

from agentflow.accounts import audit
from agentflow.graphs.models import Graph
from agentflow.triggers import chains, tokens
from agentflow.triggers.checking import TriggerRefused, check
from agentflow.triggers.clock import now
from agentflow.triggers.cron import following, read
from agentflow.triggers.models import Addressed, Chain, Form, Kind, Schedule, Trigger, Webhook
from agentflow.triggers.pausing import pause
from agentflow.triggers.starting import GRAPH_GONE, start
from executions.models import Execution

__all__ = [
    "TriggerRefused",
    "change_trigger",
    "create_trigger",
    "delete_trigger",
    "pause_trigger",
    "renew_address",
    "resume_trigger",
    "test_trigger",
]

OF_ALL = ("name", "inputs")
#: What may be changed, by kind.
MEMBERS: Mapping[str, tuple[str, ...]] = {
    Kind.SCHEDULE: (*OF_ALL, "cron", "time_zone", "missed", "time_input"),
    Kind.WEBHOOK: (
        *OF_ALL,
        *("method", "mapping", "signature", "credential", "delivery_header"),
        *("answer_output", "answer_seconds", "most_bytes"),
    ),
    Kind.FORM: (*OF_ALL, "title", "description", "is_public", "shows_outputs", "most_per_minute"),
    Kind.CHAIN: (*OF_ALL, "source", "after", "mapping"),
}

AnyTrigger = TypeVar("AnyTrigger", bound=Trigger)


def create_trigger(
    model: type[AnyTrigger], graph: Graph, *, owner: User, is_paused: bool = False, **members: Any
) -> AnyTrigger:
    """A new trigger of the graph, which runs in the name of its owner.

    Raises:
        TriggerRefused: something about it is not right.
    """
    trigger = model(graph=graph, graph_name=graph.name, owner=owner, **members)
    if isinstance(trigger, Addressed):
        tokens.renew(trigger)
    check(trigger)
    trigger.paused_at = now() if is_paused else None
    _prepare(trigger)
    with transaction.atomic():
        _follow(trigger)
        trigger.save()
        audit.record(owner, "created", trigger)
    return trigger


def change_trigger(trigger: AnyTrigger, changes: Mapping[str, Any], *, user: User) -> AnyTrigger:
    """The trigger with other members; a schedule of other times is due anew.

    Raises:
        TriggerRefused: something about it would not be right.
    """
    with transaction.atomic():
        locked = _locked(trigger)
        changed = [name for name in MEMBERS[locked.kind] if name in changes]
        for name in changed:
            setattr(locked, name, changes[name])
        check(locked)
        if {"cron", "time_zone"} & {*changed}:
            changed += ["due_at"]
            _prepare(locked)
        if "source" in changed:
            changed += ["source_name"]
        _follow(locked)
        locked.save(update_fields=changed)
        audit.record(user, "changed", locked, detail={"members": sorted(changes)})
    return locked


def pause_trigger(trigger: AnyTrigger, *, user: User) -> AnyTrigger:
    """Let it start nothing more until somebody lets it go on; what is due meanwhile is not missed."""
    with transaction.atomic():
        locked = _locked(trigger)
        if locked.paused_at is None:
            pause(locked)
            audit.record(user, "paused", locked)
    return locked


def resume_trigger(trigger: AnyTrigger, *, user: User) -> AnyTrigger:
    """Let it go on; a schedule with its next due time.

    Raises:
        TriggerRefused: what paused it is not mended.
    """
    with transaction.atomic():
        locked = _locked(trigger)
        if locked.graph_id is None:
            raise TriggerRefused([{"pointer": "#", "detail": f"{GRAPH_GONE} Make another one for another graph."}])
        if locked.paused_at is not None:
            check(locked)
            locked.paused_at, locked.pause_reason = None, ""
            _prepare(locked)
            locked.save()
            audit.record(user, "resumed", locked)
    return locked


def renew_address(trigger: Addressed, *, user: User) -> Addressed:
    """Give it another address; the old one is refused at once."""
    with transaction.atomic():
        locked = _locked(trigger)
        tokens.renew(locked)
        locked.save(update_fields=["nonce", "digest"])
        audit.record(user, "renewed", locked)
    return locked


def test_trigger(trigger: Trigger, *, user: User, inputs: Mapping[str, Any] | None = None) -> Execution:
    """Start what it would start now, also while it is paused; `inputs` stand for what an event would bring.

    Raises:
        CannotStart: it would not start, for this reason.
    """
    given = dict(inputs or {})
    if isinstance(trigger, Schedule) and trigger.time_input:
        given = {trigger.time_input: now().replace(microsecond=0).isoformat(), **given}
    with transaction.atomic():
        execution = start(trigger, given, key=f"test:{uuid4()}")
        audit.record(user, "ran", trigger, detail={"execution": str(execution.pk)})
    return execution


def delete_trigger(trigger: Trigger, *, user: User) -> None:
    """Delete it with what is kept of it; its runs stay."""
    with transaction.atomic():
        audit.record(user, "deleted", trigger)
        trigger.delete()
        if isinstance(trigger, Chain):
            chains.unfollow(trigger.source_id)


def _prepare(trigger: Trigger) -> None:
    """Set when a schedule is due next."""
    if isinstance(trigger, Schedule):
        cron = read(trigger.cron, trigger.time_zone)
        trigger.due_at = following(cron, now(), 1)[0] if trigger.paused_at is None else None


def _follow(trigger: Trigger) -> None:
    """Have endings of the other graph told."""
    if isinstance(trigger, Chain) and trigger.source is not None:
        trigger.source_name = trigger.source.name
        chains.follow(trigger.source)


def _locked(trigger: AnyTrigger) -> AnyTrigger:
    model: Any = type(trigger)
    related = {Schedule: (), Form: (), Webhook: ("credential",), Chain: ("source",)}[model]
    rows = model.objects.select_for_update(of=("self",)).select_related("owner", "graph__published", *related)
    return rows.get(pk=trigger.pk)  # type: ignore[no-any-return]  # of the trigger's model
