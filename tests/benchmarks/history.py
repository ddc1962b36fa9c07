"""The lists of an installation that has run a million executions."""

import time
from collections.abc import Iterator

import psycopg

from tests.benchmarks import graphs
from tests.benchmarks.client import Api
from tests.benchmarks.figures import Figure

MANY, GRAPHS = 1_000_000, 50
CALLS = 100
#: Copies of one execution, each with an id of its own time, spread over some graphs.
FILL = """
    INSERT INTO executions_execution ({columns})
    SELECT {values} FROM executions_execution e CROSS JOIN generate_series(1, %(many)s) AS number
    WHERE e.id = %(id)s
"""
SPECIAL = {
    "id": "gen_random_uuid()",
    "graph_id": "(%(graphs)s::int[])[1 + number %% %(kinds)s]",
    "idempotency_key": "''",
}


def history(api: Api) -> Iterator[Figure]:
    """Newest page, a later page, and both with a filter."""
    ids = [api.graph(f"history {number}", graphs.chain(1)) for number in range(GRAPHS)]
    api.run(ids[0])
    execution = api.call("GET", f"executions/?graph={ids[0]}")["results"][0]["id"]
    _fill(api.services()["DATABASE_URL"], execution, ids)
    paths = ["executions/", "executions/?status=completed", f"executions/?graph={ids[7]}", "graphs/"]
    paths.append(api.call("GET", "executions/")["next"].partition("/api/v1/")[2])
    worst = max(_p95(api, path) for path in paths)
    yield Figure("lists among 1,000,000 executions, worst p95", worst * 1e3, "ms", 60, note=f"{len(paths)} addresses")


def _p95(api: Api, path: str) -> float:
    seconds = []
    for _ in range(CALLS):
        began = time.perf_counter()
        api.call("GET", path)
        seconds.append(time.perf_counter() - began)
    return sorted(seconds)[int(CALLS * 0.95)]


def _fill(url: str, execution: str, ids: list[int]) -> None:
    with psycopg.connect(url) as connection:
        found = connection.execute("SELECT * FROM executions_execution LIMIT 0").description or []
        names = [column.name for column in found]
        values = ", ".join(SPECIAL.get(name, f'e."{name}"') for name in names)
        statement = FILL.format(columns=", ".join(f'"{name}"' for name in names), values=values)
        parameters = {"many": MANY, "id": execution, "graphs": ids, "kinds": len(ids)}
        connection.execute(statement, parameters)
        connection.commit()
        connection.autocommit = True
        connection.execute("VACUUM ANALYZE executions_execution")
