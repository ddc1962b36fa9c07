"""Deleting what a graph shall not keep: executions that ended long ago, or that many newer ones have ended after.

A few at a time, each batch in a transaction of its own that locks only its rows and passes over what others have locked.
What is not over, what something not over still reads, and what somebody is still to be told of stays.
"""

import time
from threading import Lock
from typing import Any, LiteralString
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction

#: Executions deleted by one transaction; of one graph in one round.
BATCH = 200
#: Pause between two rounds of one worker when the last one found nothing to delete.
PAUSE_SECONDS = 60.0
#: One worker at a time.
LOCK = "SELECT pg_try_advisory_xact_lock(7017280452245743729)"
#: Graphs that do not keep everything.
GRAPHS = """
    SELECT id, coalesce(keep_days, %(days)s), coalesce(keep_executions, %(executions)s) FROM graphs_graph
    WHERE coalesce(keep_days, %(days)s) > 0 OR coalesce(keep_executions, %(executions)s) > 0 ORDER BY id
"""
#: It is over, nobody will read it any more, and followers know its end.
IS_DONE: LiteralString = """
    e.ended_at IS NOT NULL AND e.told_parent
    AND NOT EXISTS (SELECT 1 FROM executions_endedrun r WHERE r.execution_id = e.id)
    AND NOT EXISTS (SELECT 1 FROM executions_execution p WHERE p.id = e.parent_id AND p.ended_at IS NULL)
    AND NOT EXISTS (SELECT 1 FROM executions_execution c WHERE c.parent_id = e.id AND c.ended_at IS NULL)
    AND NOT EXISTS (SELECT 1 FROM executions_execution t WHERE t.retry_of_id = e.id AND t.ended_at IS NULL)
"""
#: Ids begin with the time at which they were made, so the index gives what is old enough, and no more.
TOO_OLD = f"""
    SELECT e.id FROM executions_execution e
    WHERE e.graph_id = %(graph)s AND e.ended_at < statement_timestamp() - make_interval(days => %(days)s)
        AND e.id < %(bound)s AND {IS_DONE}
    ORDER BY e.id LIMIT %(batch)s FOR UPDATE OF e SKIP LOCKED
"""  # noqa: S608 - parts of our own
TOO_MANY = f"""
    SELECT e.id FROM executions_execution e
    WHERE e.graph_id = %(graph)s AND {IS_DONE} AND e.id <= (
        SELECT id FROM executions_execution WHERE graph_id = %(graph)s AND ended_at IS NOT NULL
        ORDER BY id DESC OFFSET %(executions)s LIMIT 1
    )
    ORDER BY e.id LIMIT %(batch)s FOR UPDATE OF e SKIP LOCKED
"""  # noqa: S608 - parts of our own
DELETE = (
    "UPDATE executions_execution SET parent_id = NULL WHERE parent_id = ANY(%s)",
    "UPDATE executions_execution SET retry_of_id = NULL WHERE retry_of_id = ANY(%s)",
    "DELETE FROM executions_approval WHERE execution_id = ANY(%s)",
    "DELETE FROM executions_output WHERE execution_id = ANY(%s)",
    "DELETE FROM executions_nodejob WHERE execution_id = ANY(%s)",
    "DELETE FROM executions_nodeexecution WHERE execution_id = ANY(%s)",
    "DELETE FROM executions_execution WHERE id = ANY(%s)",
)

_pause = Lock()
_next_at = 0.0


def forget_due() -> None:
    """A chore of hosting workers: one batch of each graph, and a pause once nothing is left."""
    global _next_at
    with _pause:
        if time.monotonic() < _next_at:
            return
        if not forget():
            _next_at = time.monotonic() + PAUSE_SECONDS


def forget() -> int:
    """Delete one batch of each graph that has something to delete; how many executions these were."""
    with connection.cursor() as cursor:
        cursor.execute(GRAPHS, {"days": settings.KEEP_DAYS, "executions": settings.KEEP_EXECUTIONS})
        graphs = cursor.fetchall()
    return sum(_forget_of(graph, days, executions) for graph, days, executions in graphs)


def _forget_of(graph: int, days: int, executions: int) -> int:
    parameters = {"graph": graph, "days": days, "executions": executions, "batch": BATCH, "bound": _first_id(days)}
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(LOCK)
        if not cursor.fetchone()[0]:
            return 0
        doomed = _ids(cursor, TOO_OLD, parameters) if days else []
        if executions and not doomed:
            doomed = _ids(cursor, TOO_MANY, parameters)
        for statement in DELETE if doomed else ():
            cursor.execute(statement, [doomed])
        return len(doomed)


def _ids(cursor: Any, statement: str, parameters: dict[str, Any]) -> list[UUID]:
    cursor.execute(statement, parameters)
    return [row[0] for row in cursor.fetchall()]


def _first_id(days: int) -> UUID:
    """Ids of executions that were made so many days ago, or later, are not smaller."""
    milliseconds = int((time.time() - days * 86_400) * 1_000)
    return UUID(int=max(milliseconds, 0) << 80)
