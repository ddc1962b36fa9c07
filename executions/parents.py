"""Executions that another one waits for: when they end, it goes on."""

from typing import Any, NamedTuple
from uuid import UUID

from psycopg.rows import class_row

ENDED = """
    SELECT id, parent_id FROM executions_execution
    WHERE NOT told_parent AND ended_at IS NOT NULL ORDER BY id LIMIT 500 FOR UPDATE SKIP LOCKED
"""
#: A statement of its own: the next one sees what a worker that was just parking a parent has written.
LOCK = "SELECT id FROM executions_execution WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE"
WAKE = """
    WITH told AS (
        UPDATE executions_execution SET told_parent = true WHERE id = ANY(%(children)s)
    ), woken AS (
        UPDATE executions_execution SET status = 'queued', wake_at = NULL, queued_at = clock_timestamp()
        WHERE id = ANY(%(parents)s) AND status = 'waiting' RETURNING id
    )
    SELECT c.id AS child, c.parent_id AS parent, c.parent_id IN (SELECT id FROM woken) AS is_queued
    FROM executions_execution c WHERE c.id = ANY(%(children)s) AND c.parent_id IS NOT NULL
"""


class Told(NamedTuple):
    """A parent whose child has ended."""

    child: UUID
    parent: UUID
    #: It waited without a worker and may be claimed now.
    is_queued: bool


async def tell_parents(connection: Any) -> list[Told]:
    """Queue the parents that wait for executions that have ended, in the connection's transaction."""
    ended = await (await connection.execute(ENDED)).fetchall()
    if not ended:
        return []
    parents = sorted({parent for _, parent in ended if parent is not None})
    await connection.execute(LOCK, (parents,))
    async with connection.cursor(row_factory=class_row(Told)) as cursor:
        await cursor.execute(WAKE, {"children": [id for id, _ in ended], "parents": parents})
        told: list[Told] = await cursor.fetchall()
        return told
