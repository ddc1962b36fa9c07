"""Questions to a real PostgreSQL, the tests' own, which a forwarder makes reachable by TCP."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote

import pytest
from django.db import connection

from agentflow.credentials import testing
from blocks.base import BlockError
from blocks.context import Secret
from blocks.http import SafeHttpClient
from blocks.sql import Query, settings_of
from tests.blocks.context import FakeContext, run
from tests.blocks.servers import resolver

CREATE = "CREATE TABLE evil (n int)"


@pytest.fixture
async def http() -> AsyncIterator[SafeHttpClient]:
    names = {name: [["127.0.0.1"]] for name in ("allowed.test", "private.test")}
    async with SafeHttpClient(["allowed.test"], resolve=resolver(names)) as client:
        yield client


@pytest.fixture
def given(db: None) -> dict[str, Any]:
    """How Django connects to the tests' database."""
    found: dict[str, Any] = connection.get_connection_params()
    return found


@pytest.fixture
async def address(given: dict[str, Any]) -> AsyncIterator[str]:
    """The database's address, with `{host}` to fill in."""
    server = await asyncio.start_server(lambda *ends: _forward(given, *ends), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    who = f"{quote(given['user'])}:{quote(given['password'])}"
    yield f"postgresql://{who}@{{host}}:{port}/{quote(given['dbname'])}"
    server.close()


async def _forward(given: dict[str, Any], reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    host, port = str(given["host"]), given.get("port") or 5432
    if host.startswith("/"):
        there, back = await asyncio.open_unix_connection(f"{host}/.s.PGSQL.{port}")
    else:
        there, back = await asyncio.open_connection(host, int(port))
    await asyncio.gather(_copy(reader, back), _copy(there, writer))


async def _copy(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    try:
        while data := await source.read(65_536):
            sink.write(data)
            await sink.drain()
    except ConnectionError:
        pass
    finally:
        sink.close()


async def ask(address: str, http: Any, query: str, host: str = "allowed.test", **given: Any) -> dict[str, Any]:
    secret = Secret("1", "sql", {"url": address.format(host=host)})
    context = FakeContext(http=http, credentials={"1": secret})
    return await run(Query, {"credential": "1", "query": query, **given}, context)


async def refusal(address: str, http: Any, query: str, **given: Any) -> BlockError:
    with pytest.raises(BlockError) as caught:
        await ask(address, http, query, **given)
    assert address.split(":")[2].split("@")[0] not in caught.value.message
    return caught.value


async def test_test_button_of_a_credential_asks_the_database(address: str, settings: Any) -> None:
    settings.HTTP_ALLOW = ["127.0.0.1"]
    secret = Secret("1", "sql", {"url": address.format(host="127.0.0.1")})
    assert await testing._try_database(secret) == "127.0.0.1 takes it."


async def test_rows_come_with_their_names(address: str, http: SafeHttpClient) -> None:
    outputs = await ask(address, http, "SELECT n, 'x' || n AS name FROM generate_series(1, 2) AS n")
    rows = [{"n": 1, "name": "x1"}, {"n": 2, "name": "x2"}]
    assert outputs == {"rows": rows, "row": rows, "count": 2, "more": False}


@pytest.mark.parametrize(
    ("query", "parameters", "value"),
    [
        ("SELECT %s::text AS v", ["'; DROP TABLE x; --"], "'; DROP TABLE x; --"),
        ("SELECT %(a)s::int + %(b)s::int AS v", {"a": 1, "b": 2}, 3),
        ("SELECT %s::jsonb AS v", [{"a": [1, {"b": None}]}], {"a": [1, {"b": None}]}),
        ("SELECT 5 = ANY(%s::int[]) AS v", [[4, 5]], True),
        ("SELECT 'a%' LIKE 'a%' AS v", None, True),
        ("SELECT 1.50::numeric AS v", None, "1.50"),
        ("SELECT 7::numeric AS v", None, 7),
        ("SELECT 'NaN'::float8 AS v", None, "nan"),
        ("SELECT '2026-01-02 03:04:05+00'::timestamptz AT TIME ZONE 'UTC' AS v", None, "2026-01-02T03:04:05"),
        ("SELECT decode('00ff', 'hex') AS v", None, "AP8="),
        ("SELECT interval '90 seconds' AS v", None, 90.0),
        ("SELECT NULL AS v", None, None),
    ],
)
async def test_values_there_and_back(
    address: str, http: SafeHttpClient, query: str, parameters: Any, value: object
) -> None:
    assert (await ask(address, http, query, parameters=parameters))["rows"] == [{"v": value}]


@pytest.mark.parametrize(
    "query",
    [
        CREATE,
        "WITH x AS (INSERT INTO django_content_type (app_label, model) VALUES ('a', 'b') RETURNING 1) SELECT * FROM x",
        "DELETE FROM django_content_type RETURNING *",
        f"COMMIT; {CREATE}",
        f"SELECT 1; COMMIT; {CREATE}",
        "SET TRANSACTION READ WRITE",
        f"DO $$ BEGIN SET TRANSACTION READ WRITE; {CREATE}; END $$",
        f"DO $$ BEGIN COMMIT; {CREATE}; END $$",
        f"DO $$ BEGIN EXECUTE '{CREATE}'; END $$",
        "SELECT nextval('django_content_type_id_seq')",
        "COPY django_content_type FROM PROGRAM 'id'",
    ],
)
async def test_nothing_can_be_written(address: str, http: SafeHttpClient, query: str) -> None:
    error = await refusal(address, http, query)
    assert not error.retry
    there = "SELECT to_regclass('evil') IS NULL AND EXISTS (SELECT FROM django_content_type) AS v"
    assert (await ask(address, http, there))["rows"] == [{"v": True}]


async def test_rows_beyond_the_limit_are_left_out_and_not_read(address: str, http: SafeHttpClient) -> None:
    query = "SELECT n FROM generate_series(1, 100000000) AS n"
    outputs = await ask(address, http, query, max_rows=3, timeout_seconds=20)
    assert (outputs["count"], outputs["more"]) == (3, True)


async def test_a_slow_query_is_ended_by_the_server(address: str, http: SafeHttpClient) -> None:
    error = await refusal(address, http, "SELECT pg_sleep(60)", timeout_seconds=0.2)
    assert "longer than 0.2 seconds" in error.message


@pytest.mark.parametrize(
    ("query", "more", "words"),
    [
        ("SELEC 1", {}, "syntax error"),
        ("SELECT * FROM nowhere", {}, "does not exist"),
        ("SELECT %s", {"parameters": []}, "cannot be sent"),
        ("SELECT 1/0", {}, "division by zero"),
    ],
)
async def test_a_wrong_query_is_not_tried_again(
    address: str, http: SafeHttpClient, query: str, more: dict[str, Any], words: str
) -> None:
    error = await refusal(address, http, query, **more)
    assert words in error.message
    assert not error.retry


async def test_a_wrong_password_is_not_tried_again(address: str, http: SafeHttpClient) -> None:
    head, _, tail = address.partition("@")
    error = await refusal(f"{head}x@{tail}", http, "SELECT 1")
    assert "cannot be asked" in error.message
    assert not error.retry


async def test_private_addresses_are_refused(address: str, http: SafeHttpClient) -> None:
    error = await refusal(address, http, "SELECT 1", host="private.test")
    assert "may not reach private addresses" in error.message


async def test_a_server_that_is_away_is_tried_again(http: SafeHttpClient) -> None:
    error = await refusal("postgresql://a:secretword@{host}:1/x", http, "SELECT 1")
    assert error.retry


@pytest.mark.parametrize(
    "url",
    [
        "mysql://a@b/c",
        "postgresql:///x",
        "postgresql://%2Fvar%2Frun/x",
        "postgresql://a,b/x",
        "postgresql://a/x?hostaddr=127.0.0.1",
        "postgresql://a/x?service=s",
        "postgresql://a/x?sslkey=/etc/x",
        "postgresql://a/x?passfile=/root/.pgpass",
        "postgresql://a/x?options=-c%20x",
        "postgresql://a:99999/x",
        "nonsense",
        "",
    ],
)
def test_addresses_that_are_refused(url: str) -> None:
    with pytest.raises(BlockError) as caught:
        settings_of(Secret("1", "sql", {"url": url}))
    assert not caught.value.retry
