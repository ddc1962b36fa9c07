"""What becomes of a delivery to a webhook: checked, kept, and its graph started once."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qs
from uuid import UUID, uuid4

from django.db import transaction

from agentflow.decoding import read_json
from agentflow.logs.redaction import HIDDEN, is_secret, without_secrets
from agentflow.triggers.clock import now
from agentflow.triggers.mapping import mapped
from agentflow.triggers.models import Delivery, Webhook
from agentflow.triggers.pausing import pause
from agentflow.triggers.secrets import SecretMissing, secret_of
from agentflow.triggers.signatures import Scheme, SignatureRefused, check
from agentflow.triggers.starting import CannotStart, IdempotencyConflict, start

logger = logging.getLogger(__name__)

#: What an address of a mapping may begin with, and what that is.
SOURCES: Mapping[str, str] = {
    "body": "the body: JSON, fields of a form, or text",
    "query": "what stands behind the ? of the address, by name",
    "headers": "the headers, by their names in lower case",
    "method": "how it was sent",
}
#: Deliveries kept of each webhook, and refused ones: these cannot push the others out.
MOST_KEPT, MOST_REFUSED_KEPT = 100, 50
#: Largest body that is kept, and so can be sent again.
MOST_BODY_KEPT = 262_144
MOST_HEADERS, LONGEST_HEADER, MOST_FIELDS = 100, 2_000, 1_000
LONGEST_EVENT = 100


@dataclass(frozen=True, slots=True)
class Received:
    """A delivery as it came."""

    method: str
    body: bytes = b""
    media_type: str = ""
    #: Names in lower case.
    headers: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Answer:
    """What the sender is told: a run, or why there is none."""

    code: int
    detail: str = ""
    execution: UUID | None = None
    is_repeated: bool = False


class Refused(Exception):
    """The delivery starts nothing; the message says why."""

    def __init__(self, code: int, detail: str) -> None:
        super().__init__(detail)
        self.code = code


def receive(webhook: Webhook, received: Received) -> Answer:
    """Check a delivery and start the graph; what came and what became of it is kept."""
    event = ""
    try:
        event = _event(webhook, received)
        return _start(webhook, received, event)
    except Refused as error:
        _keep(webhook, received, Delivery.Status.REFUSED, code=error.code, detail=str(error), event=event)
        return Answer(error.code, str(error))


def replay(delivery: Delivery) -> Answer:
    """Start the graph once more with what came then, signed or not: a person of ours asks for it.

    Raises:
        Refused: its body was too large to be kept.
    """
    if delivery.body is None:
        raise Refused(422, f"Its body was larger than {MOST_BODY_KEPT:,} bytes and was not kept.")
    kept = delivery.request
    received = Received(
        kept.get("method", ""),
        bytes(delivery.body),
        delivery.media_type,
        kept.get("headers", {}),
        kept.get("query", {}),
    )
    try:
        return _start(delivery.webhook, received, f"replay:{uuid4()}", replay_of=delivery)
    except Refused as error:
        kept_as = {"code": error.code, "detail": str(error), "replay_of": delivery}
        _keep(delivery.webhook, received, Delivery.Status.REFUSED, **kept_as)
        return Answer(error.code, str(error))


def _event(webhook: Webhook, received: Received) -> str:
    """What names the event; raises Refused for a delivery that may not be taken."""
    given = received.headers.get(webhook.delivery_header.lower(), "") if webhook.delivery_header else ""
    signed = _signed(webhook, received, given) if webhook.signature else ""
    if webhook.paused_at is not None:
        raise Refused(410 if webhook.graph_id is None else 503, webhook.pause_reason or "The webhook is paused.")
    if webhook.delivery_header and not given:
        raise Refused(400, f"The header {webhook.delivery_header} with the delivery's name is missing.")
    if given:
        return f"id:{given}" if len(given) < 60 and given.isascii() and given.isprintable() else f"hash:{_hash(given)}"
    return f"signed:{signed}" if signed else f"once:{uuid4()}"


def _signed(webhook: Webhook, received: Received, given: str) -> str:
    """A name for a delivery that is signed with a time; empty without one, as the same may be sent twice on purpose."""
    scheme = Scheme.from_json(webhook.signature)
    try:
        name = check(scheme, secret_of(webhook), received.headers, received.body, now=now(), id=given)
    except SignatureRefused as error:
        raise Refused(401, str(error)) from None
    except SecretMissing as error:
        logger.error("webhook cannot check: %s", error, extra={"action": "webhook_failed", "webhook": webhook.pk})
        raise Refused(503, "The signature cannot be checked just now.") from None
    return name if scheme.timestamp_header else ""


def _start(webhook: Webhook, received: Received, event: str, replay_of: Delivery | None = None) -> Answer:
    inputs = _inputs(webhook, received)
    known = webhook.deliveries.filter(event=event, execution__isnull=False).first()
    # The same name with another body is another delivery, and a mistake; query and headers may differ.
    digest = sha256(received.body).hexdigest()
    try:
        with transaction.atomic():
            execution = start(webhook, inputs, key=event, digest=digest)
            status = Delivery.Status.REPEATED if known else Delivery.Status.STARTED
            kept = {"execution": execution.pk, "event": event, "replay_of": replay_of}
            _keep(webhook, received, status, code=200 if webhook.answer_output else 202, **kept)
            Webhook.objects.filter(pk=webhook.pk).update(last_started_at=now(), last_execution=execution.pk)
    except IdempotencyConflict:
        raise Refused(409, "A delivery of this name came before, with another body.") from None
    except CannotStart as error:
        if error.is_lasting:
            _pause(webhook, str(error))
            raise Refused(503, "The graph cannot be started before somebody mends it.") from None
        raise Refused(422, str(error)) from None
    return Answer(202, execution=execution.pk, is_repeated=known is not None)


def _pause(webhook: Webhook, reason: str) -> None:
    with transaction.atomic():
        locked = Webhook.objects.select_for_update(of=("self",)).select_related("owner", "graph").get(pk=webhook.pk)
        if locked.paused_at is None:
            pause(locked, reason=reason)


def _inputs(webhook: Webhook, received: Received) -> dict[str, Any]:
    body = body_of(received)
    if not webhook.mapping:
        if not isinstance(body, dict):
            if not received.body:
                return {}
            raise Refused(422, "The body is no object, and no mapping says which input gets it.")
        return body
    sources = {"body": body, "query": received.query, "headers": received.headers, "method": received.method}
    return mapped(webhook.mapping, sources)


def body_of(received: Received) -> Any:
    """The body's value: of JSON, of the fields of a form, else text; None for an empty one.

    Raises:
        Refused: it is not what it says it is.
    """
    kind = received.media_type.partition(";")[0].strip().lower()
    if not received.body:
        return None
    try:
        if kind == "application/x-www-form-urlencoded":
            fields = parse_qs(received.body.decode(), keep_blank_values=True, max_num_fields=MOST_FIELDS)
            return {name: values[0] if len(values) == 1 else values for name, values in fields.items()}
        if kind.startswith("text/"):
            return received.body.decode()
        if kind in ("", "application/json") or kind.endswith("+json"):
            return read_json(received.body)
    except ValueError as error:
        raise Refused(400, f"The body cannot be read: {error}"[:500]) from None
    raise Refused(415, "The body must be JSON, fields of a form, or text.")


def _keep(webhook: Webhook, received: Received, status: str, **members: Any) -> None:
    """Keep a delivery, and forget the oldest of its kind."""
    body = received.body if len(received.body) <= MOST_BODY_KEPT else None
    if status == Delivery.Status.REFUSED and members["code"] == 401:
        body = None  # anybody may have sent it
    Delivery.objects.create(
        webhook=webhook,
        status=status,
        media_type=received.media_type[:100],
        size=len(received.body),
        body=body,
        request=_request(webhook, received),
        **members,
    )
    is_refused = status == Delivery.Status.REFUSED
    rows = webhook.deliveries.filter(status=status) if is_refused else webhook.deliveries.exclude(status="refused")
    keep = MOST_REFUSED_KEPT if is_refused else MOST_KEPT
    oldest = rows.order_by("-id").values_list("pk", flat=True)[keep : keep + 100]
    Delivery.objects.filter(pk__in=list(oldest)).delete()


def _request(webhook: Webhook, received: Received) -> dict[str, Any]:
    """What is kept besides the body: without secrets, and bounded."""
    signed = str(webhook.signature.get("header", "")).lower()
    headers = {
        name: HIDDEN if name == signed or is_secret(name) else without_secrets(value[:LONGEST_HEADER])
        for name, value in list(received.headers.items())[:MOST_HEADERS]
    }
    return {"method": received.method, "headers": headers, "query": without_secrets(dict(received.query))}


def _hash(text: str) -> str:
    return sha256(text.encode(errors="replace")).hexdigest()
