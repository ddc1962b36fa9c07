"""Ending executions from outside: one set of statements for whoever cancels, the sweeper and workers that give up."""

from typing import Any, LiteralString
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction

#: A worker that stopped renewing answers nobody: after this long its executions are cancelled without it, in seconds.
GRACE_SECONDS = 3.0

#: The newest events of an execution; with the next one they are at most 20.
EVENTS = "jsonb_path_query_array(e.events, '$[last - 18 to last]')"

#: Rows of `EndedRun` for what the statement has `ended` (id, parent_id, status): failures, and what somebody follows.
TOLD: LiteralString = """
        INSERT INTO executions_endedrun (execution_id)
        SELECT id FROM ended WHERE parent_id IS NULL AND (status = 'failed' OR EXISTS (
            SELECT 1 FROM executions_followedgraph f WHERE f.graph_id = ended.graph_id))
        ON CONFLICT DO NOTHING
"""
#: Cancelled executions that no living worker will end: nobody holds them, or their holder has stopped renewing.
END_CANCELLED = f"""
    WITH ending AS (
        SELECT e.id FROM executions_execution e LEFT JOIN executions_worker w ON w.id = e.holder_id
        WHERE e.cancel_requested_at IS NOT NULL AND e.ended_at IS NULL
            AND (%(id)s::uuid IS NULL OR e.id = %(id)s) AND (
            e.holder_id IS NULL
            OR e.cancel_requested_at < clock_timestamp() - make_interval(secs => %(grace)s)
               AND w.expires_at < clock_timestamp() + make_interval(secs => %(lease)s - %(grace)s))
        ORDER BY e.id LIMIT 500 FOR UPDATE OF e SKIP LOCKED
    ), ended AS (
        UPDATE executions_execution e SET status = 'cancelled', holder_id = NULL, epoch = e.epoch + 1, seq = e.seq + 1,
            ended_at = clock_timestamp()
        FROM ending WHERE e.id = ending.id RETURNING e.id, e.graph_id, e.parent_id, e.status, e.seq
    ), told AS ({TOLD}), counted AS (
        INSERT INTO executions_totals (id, counts)
        SELECT gen_random_uuid(), jsonb_build_object('executions_ended', jsonb_build_object('cancelled|', count(*)))
        FROM ended HAVING count(*) > 0
    )
    SELECT id, graph_id AS graph, seq FROM ended
"""  # noqa: S608 - parts of our own
#: Executions that cannot go on; with an epoch only if it is still that one. `CLOSE` must follow.
FAIL = f"""
    WITH ended AS (
        UPDATE executions_execution e SET status = 'failed', reason = %(reason)s, error = %(error)s::jsonb,
            holder_id = NULL, epoch = e.epoch + 1, seq = e.seq + 1, ended_at = clock_timestamp()
        WHERE e.id = ANY(%(ids)s) AND e.ended_at IS NULL AND (%(epoch)s::int IS NULL OR e.epoch = %(epoch)s)
        RETURNING e.id, e.graph_id, e.parent_id, e.status, e.seq
    ), told AS ({TOLD}), counted AS (
        INSERT INTO executions_totals (id, counts) SELECT gen_random_uuid(), jsonb_build_object(
            'executions_ended', jsonb_build_object('failed|' || %(reason)s::text, count(*)))
        FROM ended HAVING count(*) > 0
    )
    SELECT id, graph_id AS graph, seq FROM ended
"""  # noqa: S608 - parts of our own
#: Nobody needs to decide any more, and graphs that it runs end with it.
CLOSE_OTHERS = """
    WITH closed AS (
        UPDATE executions_approval SET closed_at = clock_timestamp()
        WHERE execution_id = ANY(%(ids)s) AND decided_at IS NULL AND closed_at IS NULL
    )
    UPDATE executions_execution SET cancel_requested_at = clock_timestamp()
    WHERE parent_id = ANY(%(ids)s) AND ended_at IS NULL AND cancel_requested_at IS NULL
"""
#: What was still open in executions that ended so: rows get the next event numbers, and counts say what became of them.
CLOSE = """
    WITH open AS (
        SELECT n.id, n.execution_id, row_number() OVER (PARTITION BY n.execution_id ORDER BY n.seq) AS place
        FROM executions_nodeexecution n
        WHERE n.execution_id = ANY(%(ids)s) AND n.status IN ('queued', 'running', 'waiting')
    ), closed AS (
        UPDATE executions_nodeexecution n SET status = 'cancelled', ended_at = clock_timestamp(), seq = e.seq + open.place
        FROM open JOIN executions_execution e ON e.id = open.execution_id WHERE n.id = open.id
        RETURNING n.execution_id, n.block
    ), totalled AS (
        INSERT INTO executions_totals (id, counts)
        SELECT gen_random_uuid(), jsonb_build_object('node_executions', jsonb_object_agg('cancelled|' || block, many))
        FROM (SELECT block, count(*) AS many FROM closed GROUP BY block) AS of_block HAVING count(*) > 0
    ), unwanted AS (
        DELETE FROM executions_nodejob WHERE execution_id = ANY(%(ids)s)
    ), counted AS (
        SELECT e.id, count(closed.execution_id) AS many,
            coalesce((e.counts ->> 'cancelled')::int, 0) + coalesce((e.counts ->> 'running')::int, 0)
                + coalesce((e.counts ->> 'waiting')::int, 0) + coalesce((e.counts ->> 'queued')::int, 0) AS cancelled
        FROM executions_execution e LEFT JOIN closed ON closed.execution_id = e.id
        WHERE e.id = ANY(%(ids)s) GROUP BY e.id
    )
    UPDATE executions_execution e SET seq = e.seq + c.many,
        counts = e.counts || jsonb_build_object('running', 0, 'waiting', 0, 'queued', 0, 'cancelled', c.cancelled)
    FROM counted c WHERE e.id = c.id
"""


def parameters(execution: UUID | None = None) -> dict[str, Any]:
    """For END_CANCELLED: one execution, or all."""
    return {"id": execution, "grace": GRACE_SECONDS, "lease": settings.LEASE_SECONDS}


def end_unheld(execution: UUID) -> bool:
    """End a cancelled execution now if nobody holds it, or its holder does not answer; whether it was."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(END_CANCELLED, parameters(execution))
        ids = [row[0] for row in cursor.fetchall()]
        if ids:
            cursor.execute(CLOSE, {"ids": ids})
            cursor.execute(CLOSE_OTHERS, {"ids": ids})
        return bool(ids)
