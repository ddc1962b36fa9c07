"""Whose turn it is: which queued executions are claimed next, so that nobody waits behind what somebody else has queued.

A *lane* is one owner's queue of one graph. The lanes are found by skipping through an index, so a claim costs what the
lanes cost and not what is in them. The next place goes to the owner who has the fewest running; within an owner the
oldest comes first. A limit of a graph or of an owner counts what is RUNNING: what waits for a person, a time or another
graph takes no place.
"""

from typing import Any, LiteralString

from django.conf import settings

#: Lanes that one claim looks at. It begins at a random owner, so that of more lanes each has its turn.
MOST_LANES = 500
#: Executions that one claim looks at in all lanes together.
MOST_CANDIDATES = 1_000

#: Claims come one after the other: else two would give the same place away. The plan is made once for each connection,
#: and not by what the statistics say of a queue that is empty most of the time.
ALONE = """
    SELECT pg_advisory_xact_lock(7017280452245743728), set_config('enable_seqscan', 'off', true),
        set_config('enable_bitmapscan', 'off', true), set_config('jit', 'off', true),
        set_config('plan_cache_mode', 'force_generic_plan', true)
"""
#: How many may run at once; null: as many as there is room for.
GRAPH_LIMIT: LiteralString = "nullif(coalesce(g.most_running, %(of_graph)s::int), 0)"
OWNER_LIMIT: LiteralString = "nullif(coalesce(o.most_running, %(of_user)s::int), 0)"
#: Written so that no index of what is queued seems to fit, which would be read as a whole: the ids are known.
STILL_QUEUED: LiteralString = "e.status || '' = 'queued' AND e.cancel_requested_at IS NULL"
#: `due`: the ids to claim, locked, each with whether there were so many lanes that each gave only a few.
#: With `limit` places come `extra` ones for owners who have nothing running.
DUE: LiteralString = f"""
    RECURSIVE pivot AS MATERIALIZED (
        SELECT floor(random() * (SELECT max(id) FROM auth_user))::int AS owner
    ), later AS (
        (SELECT owner_id, graph_id, 1 AS number FROM executions_execution
         WHERE status = 'queued' AND owner_id > (SELECT owner FROM pivot) ORDER BY owner_id, graph_id LIMIT 1)
        UNION ALL
        SELECT next.owner_id, next.graph_id, later.number + 1 FROM later, LATERAL (
            SELECT owner_id, graph_id FROM executions_execution
            WHERE status = 'queued' AND (owner_id, graph_id) > (later.owner_id, later.graph_id)
            ORDER BY owner_id, graph_id LIMIT 1
        ) next WHERE later.number < %(lanes)s
    ), earlier AS (
        (SELECT owner_id, graph_id, 1 AS number FROM executions_execution
         WHERE status = 'queued' AND owner_id <= (SELECT owner FROM pivot) ORDER BY owner_id, graph_id LIMIT 1)
        UNION ALL
        SELECT next.owner_id, next.graph_id, earlier.number + 1 FROM earlier, LATERAL (
            SELECT owner_id, graph_id FROM executions_execution
            WHERE status = 'queued' AND (owner_id, graph_id) > (earlier.owner_id, earlier.graph_id)
            ORDER BY owner_id, graph_id LIMIT 1
        ) next WHERE earlier.number < %(lanes)s AND next.owner_id <= (SELECT owner FROM pivot)
    ), lanes AS MATERIALIZED (
        SELECT owner_id, graph_id FROM later UNION ALL SELECT owner_id, graph_id FROM earlier LIMIT %(lanes)s
    ), owners AS MATERIALIZED (
        SELECT d.owner_id, {OWNER_LIMIT} AS most, (
            SELECT count(*) FROM executions_execution e WHERE e.owner_id = d.owner_id AND e.status = 'running'
        ) AS running
        FROM (SELECT DISTINCT owner_id FROM lanes) d LEFT JOIN LATERAL (
            SELECT most_running FROM executions_userlimit WHERE user_id = d.owner_id OFFSET 0
        ) o ON true
    ), graphs AS MATERIALIZED (
        SELECT g.id, CASE WHEN {GRAPH_LIMIT} IS NOT NULL THEN {GRAPH_LIMIT} - (
            SELECT count(*) FROM executions_execution e WHERE e.graph_id = g.id AND e.status = 'running'
        ) END AS room
        FROM (SELECT DISTINCT graph_id FROM lanes) d, LATERAL (
            SELECT id, most_running FROM graphs_graph WHERE id = d.graph_id OFFSET 0  -- row by row, not all graphs
        ) g
    ), crowd AS MATERIALIZED (
        SELECT least(%(limit)s + %(extra)s, ceil(%(candidates)s::float / count(*))::int) AS most,
            ceil(%(candidates)s::float / count(*)) < %(limit)s + %(extra)s AS is_crowded
        FROM lanes HAVING count(*) > 0
    ), candidates AS (
        SELECT c.id, l.owner_id, l.graph_id, g.room, o.most,
            o.running + row_number() OVER (PARTITION BY l.owner_id ORDER BY c.id) AS turn
        FROM lanes l JOIN owners o ON o.owner_id = l.owner_id JOIN graphs g ON g.id = l.graph_id,
        LATERAL (
            SELECT e.id FROM executions_execution e
            WHERE e.status = 'queued' AND e.owner_id = l.owner_id AND e.graph_id = l.graph_id
                AND e.cancel_requested_at IS NULL
                AND (coalesce((e.events -> -1 ->> 'losses')::int, 0) < %(suspicious)s
                    OR e.id = ANY(%(admitted)s::uuid[]))
            ORDER BY e.owner_id, e.graph_id, e.id
            LIMIT greatest(least((SELECT most FROM crowd), g.room, o.most - o.running), 0)
        ) c
    ), allowed AS (
        SELECT id, turn, room, row_number() OVER (PARTITION BY graph_id ORDER BY turn, id) AS nth
        FROM candidates WHERE most IS NULL OR turn <= most
    ), chosen AS (
        SELECT id, turn, row_number() OVER (ORDER BY turn, id) AS place
        FROM allowed WHERE room IS NULL OR nth <= room
    ), due AS (
        SELECT e.id, (SELECT is_crowded FROM crowd) AS is_crowded,
            coalesce(e.events -> -1 ->> 'kind', '') IN ('worker_lost', 'handed_over', 'restored') AS is_resumed
        FROM executions_execution e WHERE e.id = ANY(ARRAY(
            SELECT id FROM chosen WHERE place <= %(limit)s OR place <= %(limit)s + %(extra)s AND turn = 1
        )) AND {STILL_QUEUED} FOR UPDATE SKIP LOCKED
    )
"""  # noqa: S608 - parts of our own


def parameters(limit: int, extra: int) -> dict[str, Any]:
    """For DUE, besides `admitted` and `suspicious`."""
    return {
        "limit": limit,
        "extra": extra,
        "lanes": MOST_LANES,
        "candidates": MOST_CANDIDATES,
        "of_graph": settings.GRAPH_EXECUTIONS,
        "of_user": settings.USER_EXECUTIONS,
    }
