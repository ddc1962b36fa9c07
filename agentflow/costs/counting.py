"""Daily usage: what has ended since the last time is added to the rows of its day, a part at a time."""

from django.db import connection, transaction

from agentflow.costs.models import Mark

#: Executions and charges that one step adds at most.
BATCH = 2_000
#: Steps of one round of the chore.
ROUNDS = 20
#: Nothing that ended before is committed later: a recorder that cannot write for so long has lost its lease.
MARGIN_SECONDS = 60

BEGIN = """
    INSERT INTO costs_mark (id, until) VALUES (1, coalesce(
        (SELECT least((SELECT min(ended_at) FROM executions_execution), (SELECT min(created_at) FROM executions_charge))),
        statement_timestamp() - make_interval(secs => %s)))
    ON CONFLICT DO NOTHING
"""
LOCK = "SELECT until FROM costs_mark FOR UPDATE SKIP LOCKED"
#: As far as one step goes: to the last of the next rows, or to what is surely committed.
NEXT = """
    SELECT least(statement_timestamp() - make_interval(secs => %(margin)s), greatest(%(since)s, coalesce(least(
        (SELECT max(t) + interval '1 microsecond' FROM (SELECT ended_at AS t FROM executions_execution
            WHERE ended_at >= %(since)s ORDER BY ended_at LIMIT %(batch)s) e HAVING count(*) = %(batch)s),
        (SELECT max(t) + interval '1 microsecond' FROM (SELECT created_at AS t FROM executions_charge
            WHERE created_at >= %(since)s ORDER BY created_at LIMIT %(batch)s) c HAVING count(*) = %(batch)s)
    ), statement_timestamp())))
"""
#: What the rows of a day add up.
SUMS = ("runs", "seconds", "tokens", "input_tokens", "output_tokens", "cost")
KEYS = ("day", "graph_id", "owner_id", "node", "block")


def _number(alias: str, name: str) -> str:
    """A number in a block's usage, which may be anything; null if there is none."""
    value = f"{alias}.usage -> '{name}'"
    text = f"({alias}.usage ->> '{name}')::numeric"
    return f"CASE WHEN jsonb_typeof({value}) = 'number' THEN least(greatest({text}, 0), 1e15) END"


def _tokens(alias: str) -> str:
    given, taken = (f"coalesce({_number(alias, name)}, 0)" for name in ("input_tokens", "output_tokens"))
    return f"""
        coalesce(sum(coalesce({_number(alias, "tokens")}, {given} + {taken})), 0)::bigint AS tokens,
        coalesce(sum({given}), 0)::bigint AS input_tokens, coalesce(sum({taken}), 0)::bigint AS output_tokens"""


#: What was free counts when its run is over; what was paid for, with its charge. A wait is no work: a step that has
#: waited for anything but its next try counts without time.
FREE = f"""
    SELECT (n.ended_at AT TIME ZONE 'UTC')::date AS day, e.graph_id, e.owner_id, n.node, n.block, count(*) AS runs,
        coalesce(sum(extract(epoch FROM n.ended_at - n.started_at))
            FILTER (WHERE n.waits = '{{}}' OR NOT jsonb_path_exists(n.waits, '$.* ? (@.for != "retry")')), 0)::float8 AS seconds,
        {_tokens("n")}, 0::numeric AS cost
    FROM executions_execution e JOIN executions_nodeexecution n ON n.execution_id = e.id
    WHERE e.ended_at >= %(since)s AND e.ended_at < %(until)s
        AND n.started_at IS NOT NULL AND n.ended_at IS NOT NULL AND NOT n.reused AND NOT n.pinned AND n.cost = 0
    GROUP BY 1, 2, 3, 4, 5
"""  # noqa: S608 - parts of our own
PAID = f"""
    SELECT (c.created_at AT TIME ZONE 'UTC')::date AS day, c.graph_id, c.owner_id, c.node, c.block, count(*) AS runs,
        sum(c.seconds)::float8 AS seconds, {_tokens("c")}, sum(c.amount) AS cost
    FROM executions_charge c WHERE c.created_at >= %(since)s AND c.created_at < %(until)s
    GROUP BY 1, 2, 3, 4, 5
"""  # noqa: S608 - parts of our own
ADD = f"""
    INSERT INTO costs_dailyusage AS d ({", ".join(KEYS + SUMS)})
    SELECT {", ".join(KEYS)}, {", ".join(f"sum({name})" for name in SUMS)}
    FROM ({FREE} UNION ALL {PAID}) fresh GROUP BY {", ".join(KEYS)}
    ON CONFLICT ({", ".join(KEYS)}) DO UPDATE SET {", ".join(f"{name} = d.{name} + EXCLUDED.{name}" for name in SUMS)}
"""  # noqa: S608 - parts of our own
MOVE = "UPDATE costs_mark SET until = %(until)s"


def count_more() -> None:
    """A chore: add what has ended since, as far as it is surely committed; one worker at a time."""
    for _ in range(ROUNDS):
        if not _count_step():
            return


@transaction.atomic
def _count_step() -> bool:
    """Add the next part; whether there may be more."""
    with connection.cursor() as cursor:
        cursor.execute(LOCK)
        mark = cursor.fetchone()
        if mark is None:  # somebody else is at it, or nobody has begun
            if not Mark.objects.exists():
                cursor.execute(BEGIN, [MARGIN_SECONDS])
            return False
        step = {"since": mark[0], "margin": MARGIN_SECONDS, "batch": BATCH}
        cursor.execute(NEXT, step)
        step["until"] = cursor.fetchone()[0]
        if step["until"] <= step["since"]:
            return False
        cursor.execute(ADD, step)
        cursor.execute(MOVE, step)
        return True
