"""The database as witness: triggers that keep every version of every row, and note what must never happen.

Workers tell the database their process id with every connection, so a row's writer is known whatever it believes of
its rights.
"""

from typing import Any

import psycopg

INSTALL = """
    CREATE TABLE faults_row (
        number bigserial PRIMARY KEY, at timestamptz NOT NULL DEFAULT clock_timestamp(), execution uuid NOT NULL,
        seq bigint NOT NULL, node uuid NOT NULL, status text NOT NULL, writer int);
    CREATE INDEX ON faults_row (execution, at);
    CREATE TABLE faults_violation (at timestamptz DEFAULT clock_timestamp(), execution uuid, what text);

    CREATE FUNCTION faults_writer() RETURNS int LANGUAGE sql AS
        $$ SELECT substring(current_setting('application_name') from '^agentflow .* ([0-9]+)$')::int $$;

    CREATE FUNCTION faults_check_holder(id uuid, what text) RETURNS void LANGUAGE plpgsql AS $$
    DECLARE found record; BEGIN
        SELECT e.ended_at, e.epoch, e.status, w.process_id AS writer INTO found FROM executions_execution e
            LEFT JOIN executions_worker w ON w.id = e.holder_id WHERE e.id = faults_check_holder.id;
        IF faults_writer() IS NOT NULL AND (
            found.ended_at IS NULL AND found.writer IS DISTINCT FROM faults_writer() OR found.status = 'completed')
        THEN
            INSERT INTO faults_violation (execution, what) VALUES (faults_check_holder.id, format(
                '%s written by %s while %s holds epoch %s', what, faults_writer(), found.writer, found.epoch));
        END IF;
    END $$;

    CREATE FUNCTION faults_node() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        INSERT INTO faults_row (execution, seq, node, status, writer)
            VALUES (NEW.execution_id, NEW.seq, NEW.id, NEW.status, faults_writer());
        PERFORM faults_check_holder(NEW.execution_id, NEW.node || ' ' || NEW.status);
        IF TG_OP = 'UPDATE' AND (NEW.seq < OLD.seq OR OLD.status <> NEW.status
            AND OLD.status IN ('completed', 'failed', 'cancelled', 'skipped'))
        THEN
            INSERT INTO faults_violation (execution, what) VALUES (NEW.execution_id, format(
                '%s %s went from %s #%s to %s #%s', NEW.node, NEW.path, OLD.status, OLD.seq, NEW.status, NEW.seq));
        END IF;
        RETURN NULL;
    END $$;
    CREATE TRIGGER faults_node AFTER INSERT OR UPDATE ON executions_nodeexecution
        FOR EACH ROW EXECUTE FUNCTION faults_node();

    CREATE FUNCTION faults_output() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        INSERT INTO faults_row (execution, seq, node, status, writer)
            VALUES (NEW.execution_id, NEW.seq, NEW.node_execution_id, 'output ' || NEW.index, faults_writer());
        PERFORM faults_check_holder(NEW.execution_id, 'output');
        RETURN NULL;
    END $$;
    CREATE TRIGGER faults_output AFTER INSERT OR UPDATE ON executions_output
        FOR EACH ROW EXECUTE FUNCTION faults_output();

    CREATE FUNCTION faults_execution() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        IF NEW.epoch < OLD.epoch OR NEW.seq < OLD.seq
            OR NEW.holder_id IS NOT NULL AND NEW.holder_id IS DISTINCT FROM OLD.holder_id AND NEW.epoch = OLD.epoch
            OR OLD.ended_at IS NOT NULL AND NEW.status <> OLD.status
        THEN
            INSERT INTO faults_violation (execution, what) VALUES (NEW.id, format(
                'execution from %s epoch %s #%s held by %s to %s epoch %s #%s held by %s', OLD.status, OLD.epoch, OLD.seq,
                OLD.holder_id, NEW.status, NEW.epoch, NEW.seq, NEW.holder_id));
        END IF;
        RETURN NULL;
    END $$;
    CREATE TRIGGER faults_execution AFTER UPDATE ON executions_execution
        FOR EACH ROW EXECUTE FUNCTION faults_execution();
"""
REUSED = """
    SELECT execution, seq, array_agg(DISTINCT node || ' ' || status) FROM faults_row
    GROUP BY execution, seq HAVING count(DISTINCT (node, status)) > 1
"""
FIRST_AFTER = """
    SELECT e.id, extract(epoch FROM least(
        (SELECT min(at) FROM faults_row r WHERE r.execution = e.id AND r.at > to_timestamp(%(at)s)),
        CASE WHEN e.ended_at > to_timestamp(%(at)s) THEN e.ended_at END))
    FROM executions_execution e WHERE e.id = ANY(%(ids)s)
"""


def install(connection: "psycopg.Connection") -> None:
    """Begin to watch the database of the connection."""
    connection.execute(INSTALL)


def violations(connection: "psycopg.Connection") -> list[str]:
    """What must never happen and did, in words."""
    found = [f"{execution}: {what}" for execution, what in connection.execute(VIOLATIONS)]
    return found + [f"{execution}: number {seq} used for {rows}" for execution, seq, rows in connection.execute(REUSED)]


VIOLATIONS = "SELECT execution, what FROM faults_violation ORDER BY at"


def first_after(connection: "psycopg.Connection", at: float, ids: list[Any]) -> dict[Any, float]:
    """When each of these executions recorded something again after this moment; those that never did are left out."""
    rows = connection.execute(FIRST_AFTER, {"at": at, "ids": ids}).fetchall()
    return {id: float(first) for id, first in rows if first is not None}


HISTORY = """
    SELECT extract(epoch FROM r.at) - %(at)s, format('#%%s %%s %%s by %%s', r.seq, n.node, r.status, r.writer)
    FROM faults_row r LEFT JOIN executions_nodeexecution n ON n.id = r.node WHERE r.execution = %(id)s
    UNION ALL
    SELECT extract(epoch FROM (event ->> 'at')::timestamptz) - %(at)s, event ->> 'text'
    FROM executions_execution e, jsonb_array_elements(e.events) event WHERE e.id = %(id)s
    UNION ALL
    SELECT extract(epoch FROM ended_at) - %(at)s, status FROM executions_execution WHERE id = %(id)s ORDER BY 1
"""


def history(connection: "psycopg.Connection", execution: Any, at: float) -> str:
    """What an execution recorded, in seconds from a moment, one line each."""
    rows = connection.execute(HISTORY, {"id": execution, "at": at}).fetchall()
    return "\n".join(f"    {float(seconds):8.2f} {what}" for seconds, what in rows if seconds is not None)
