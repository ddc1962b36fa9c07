"""The audit log: who changed, ran, approved, shared and revealed what."""

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.contrib.auth.models import AnonymousUser, User
from django.db.models import Model
from django.http import HttpRequest
from rest_framework.request import Request

from agentflow.accounts.models import ApiToken, AuditEntry
from agentflow.logs.context import request_of_task
from agentflow.logs.redaction import without_secrets

#: Rows that one sweep forgets.
BATCH = 1_000
OLD = """
    SELECT id FROM accounts_auditentry WHERE at < statement_timestamp() - make_interval(days => %s)
    ORDER BY at LIMIT %s
"""
#: Lets this transaction delete rows that are old; see migration 0002.
ALLOW_FORGETTING = "SELECT set_config('agentflow.audit_retention', 'on', true)"
FORGET = "DELETE FROM accounts_auditentry WHERE id = ANY(%s)"


def record(
    actor: User | AnonymousUser | None,
    action: str,
    target: Model | None = None,
    *,
    detail: Mapping[str, Any] | None = None,
    request: HttpRequest | Request | None = None,
) -> AuditEntry:
    """Write one row, in the caller's transaction: a deed that is rolled back leaves none.

    Args:
        actor: who did it; None for the product itself.
        action: one word in the past tense: created, changed, deleted, shared, revealed, ran, approved …
        target: what it was done to; its name is kept, so call it before a deletion.
        detail: what else a reader needs, small; values that look like secrets are hidden.
        request: by which it came; without one, that of this task, if any.
    """
    return AuditEntry.objects.create(
        action=action,
        detail=without_secrets(dict(detail or {})),
        **actor_fields(actor),
        **_target(target),
        **origin_fields(request),
    )


async def forget_old(connection: Any) -> None:
    """Delete the oldest rows if they are older than `AUDIT_DAYS`; inside the sweeper's transaction."""
    old = await (await connection.execute(OLD, (settings.AUDIT_DAYS, BATCH))).fetchall()
    if old:
        await connection.execute(ALLOW_FORGETTING)
        await connection.execute(FORGET, ([id for (id,) in old],))


def actor_fields(actor: User | AnonymousUser | None) -> dict[str, Any]:
    """Columns that say who."""
    if actor is None or not actor.is_authenticated:
        return {}
    return {"actor_id": actor.pk, "actor_name": actor.get_username()}


def _target(target: Model | None) -> dict[str, Any]:
    if target is None:
        return {}
    is_graph = target._meta.label == "graphs.Graph"  # noqa: SLF001 - Django's public name for it
    return {
        "target_kind": target._meta.label,  # noqa: SLF001 - as above
        "target_id": str(target.pk or ""),
        "target_name": str(target)[:200],
        "graph_id": target.pk if is_graph else getattr(target, "graph_id", None),
    }


def origin_fields(request: HttpRequest | Request | None) -> dict[str, str]:
    """Columns that say from where: of this request or, without one, that of this task."""
    request = request or request_of_task.get()
    if request is None:
        return {}
    token = getattr(request, "auth", None)
    via = f"token {token.prefix}…" if isinstance(token, ApiToken) else "session"
    return {"via": via, "address": str(request.META.get("REMOTE_ADDR") or "")[:45]}
