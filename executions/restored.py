"""Executions that come from a backup: nobody holds them, and what they did after it nobody here knows."""

from django.db import connection, transaction

from executions.ending import EVENTS

#: Raising the epoch makes what a worker of the former installation still writes a write of the past.
ACTIVE = f"""
    UPDATE executions_execution e SET status = CASE status WHEN 'running' THEN 'queued' ELSE status END,
        holder_id = NULL, epoch = e.epoch + 1, seq = e.seq + 1, queued_at = clock_timestamp(),
        restored_at = CASE WHEN %(ask_once)s THEN clock_timestamp() ELSE e.restored_at END,
        events = {EVENTS} || jsonb_build_array(jsonb_build_object(
            'at', clock_timestamp(), 'kind', 'restored', 'seq', e.seq + 1,
            'text', 'Restored from a backup of ' || to_char(%(made_at)s::timestamptz, 'YYYY-MM-DD HH24:MI:SS TZ')))
    WHERE e.ended_at IS NULL
"""  # noqa: S608 - parts of our own
FORGET = (
    "UPDATE executions_execution SET holder_id = NULL WHERE holder_id IS NOT NULL",
    "DELETE FROM executions_worker",
    "DELETE FROM executions_nodejob",
)


@transaction.atomic
def mark_restored(made_at: str, *, ask_once: bool) -> None:
    """Take executions from workers that are gone, so that any worker goes on with them.

    Args:
        made_at: when the backup was made.
        ask_once: their steps that must happen once may have happened after the backup: a person is asked first.
    """
    with connection.cursor() as cursor:
        cursor.execute(ACTIVE, {"made_at": made_at, "ask_once": ask_once})
        for statement in FORGET:
            cursor.execute(statement)
