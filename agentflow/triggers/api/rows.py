"""Triggers and deliveries as the API answers them."""

from typing import Any
from zoneinfo import ZoneInfo

from django.urls import reverse
from rest_framework.request import Request

from agentflow.graphs.live import person
from agentflow.triggers import tokens
from agentflow.triggers.clock import now
from agentflow.triggers.cron import following, read
from agentflow.triggers.models import Addressed, Chain, Delivery, Form, Schedule, Trigger, Webhook
from agentflow.triggers.receiving import MOST_BODY_KEPT

SHOWN_TIMES = 5


def trigger_row(trigger: Trigger, request: Request, *, may_change: bool) -> dict[str, Any]:
    """One trigger."""
    return {
        "id": trigger.pk,
        "kind": str(trigger.kind),
        "name": trigger.name,
        "graph": {"id": trigger.graph_id, "name": trigger.graph.name if trigger.graph else trigger.graph_name},
        "owner": person(trigger.owner) if trigger.owner else None,
        "inputs": trigger.inputs,
        "paused_at": trigger.paused_at,
        "pause_reason": trigger.pause_reason,
        "created_at": trigger.created_at,
        "last_started_at": trigger.last_started_at,
        "last_execution": trigger.last_execution,
        **_own(trigger),
        **(_address(trigger, request, may_change=may_change) if isinstance(trigger, Addressed) else {}),
    }


def upcoming(schedule: Schedule) -> list[Any]:
    """The next due times on the clocks of its zone, also while it is paused."""
    times = following(read(schedule.cron, schedule.time_zone), now(), SHOWN_TIMES)
    return [time.astimezone(ZoneInfo(schedule.time_zone)) for time in times]


def _own(trigger: Trigger) -> dict[str, Any]:
    match trigger:
        case Schedule():
            names: tuple[str, ...] = ("cron", "time_zone", "missed", "time_input", "due_at")
            return {**_members(trigger, names), "upcoming": upcoming(trigger)}
        case Webhook():
            names = ("method", "mapping", "delivery_header", "answer_output", "answer_seconds", "most_bytes")
            found = _members(trigger, names)
            return {**found, "signature": trigger.signature or None, "credential": trigger.credential_id}
        case Form():
            return _members(trigger, ("title", "description", "is_public", "shows_outputs", "most_per_minute"))
        case Chain():
            source = {"id": trigger.source_id, "name": trigger.source_name}
            return {**_members(trigger, ("after", "mapping")), "source": source}
    raise AssertionError(type(trigger))


def _members(trigger: Trigger, names: tuple[str, ...]) -> dict[str, Any]:
    return {name: getattr(trigger, name) for name in names}


def _address(trigger: Addressed, request: Request, *, may_change: bool) -> dict[str, Any]:
    token = tokens.token(trigger) if may_change else ""
    route = "hook" if isinstance(trigger, Webhook) else "form"
    return {"url": request.build_absolute_uri(reverse(route, args=[token])) if token else None}


def delivery_row(delivery: Delivery) -> dict[str, Any]:
    """One delivery with its body."""
    kept = delivery.request
    body = None if delivery.body is None else bytes(delivery.body)[:MOST_BODY_KEPT].decode(errors="replace")
    return {
        "id": delivery.pk,
        "received_at": delivery.received_at,
        "status": delivery.status,
        "code": delivery.code,
        "detail": delivery.detail,
        "execution": delivery.execution,
        "method": kept.get("method", ""),
        "headers": kept.get("headers", {}),
        "query": kept.get("query", {}),
        "media_type": delivery.media_type,
        "size": delivery.size,
        "body": body,
        "replay_of": delivery.replay_of_id,
    }
