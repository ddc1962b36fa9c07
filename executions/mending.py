"""What a person may do to an execution that is stuck; every verb decides by what is, and may be done twice."""

from uuid import UUID

import orjson
from django.contrib.auth.models import User
from django.db import connection, transaction

from agentflow import wake
from executions.ending import CLOSE, CLOSE_OTHERS, EVENTS, FAIL
from executions.engine.status import Reason
from executions.models import Execution, NodeJob
from executions.starting import announce
from executions.tickets import NodeQueue

#: Like the sweeper's, but for one that may still be held: what its holder writes from now on is lost.
HAND_BACK = f"""
    WITH released AS (
        UPDATE executions_execution e SET status = 'queued', holder_id = NULL, epoch = e.epoch + 1, seq = e.seq + 1,
            wake_at = NULL, queued_at = clock_timestamp(),
            events = {EVENTS} || jsonb_build_array(jsonb_build_object(
                'at', clock_timestamp(), 'kind', 'handed_over', 'seq', e.seq + 1,
                'text', 'Handed back by ' || %(by)s::text))
        WHERE e.id = %(id)s AND e.ended_at IS NULL RETURNING e.id
    ), unwanted AS (
        DELETE FROM executions_nodejob WHERE execution_id IN (SELECT id FROM released)
    )
    SELECT id FROM released
"""  # noqa: S608 - parts of our own


def ring_again(execution: Execution) -> None:
    """Tell the workers of it once more, and the `nodes` workers of its steps that nobody took."""
    announce(execution)
    jobs = NodeJob.objects.filter(execution=execution, claimed_at=None, ended_at=None)
    for token in jobs.values_list("pk", flat=True):
        NodeQueue().put(token)


def hand_back(execution: Execution, *, user: User) -> bool:
    """Queue it, whoever holds it; whether it was not over. Another worker goes on where the records end."""
    with connection.cursor() as cursor:
        cursor.execute(HAND_BACK, {"id": execution.pk, "by": user.get_username()})
        is_changed = cursor.fetchone() is not None
    if is_changed:
        announce(execution)
        _wake(execution)
    return is_changed


def give_up(execution: Execution, *, user: User) -> bool:
    """End it as failed, whoever holds it; whether it was not over."""
    detail = f"It was stuck, and {user.get_username()} ended it in the administration."
    problem = orjson.dumps({"title": "Given up", "detail": detail}).decode()
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(FAIL, {"ids": [execution.pk], "epoch": None, "reason": Reason.LOST.value, "error": problem})
        ids: list[UUID] = [row[0] for row in cursor.fetchall()]
        if ids:
            cursor.execute(CLOSE, {"ids": ids})
            cursor.execute(CLOSE_OTHERS, {"ids": ids})
    if ids:
        _wake(execution)
    return bool(ids)


def _wake(execution: Execution) -> None:
    wake.ring(wake.WAKE_CHANNEL, f"e:{execution.pk}:0{wake.OVER}", f"g:{execution.graph_id}:0")
