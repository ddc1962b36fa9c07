"""Questions to databases: PostgreSQL, by the address in a credential."""

import asyncio
import base64
import os
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from math import isfinite
from typing import TYPE_CHECKING, Any, ClassVar
from uuid import UUID

from pydantic import Field

from blocks.base import Block, BlockContext, BlockError, BlockInput, BlockOutput, Credential, Example, Outputs, Stream
from blocks.context import HttpClient, Secret
from blocks.forms import CODE, SETTING
from blocks.values import Integer, Number

if TYPE_CHECKING:
    from psycopg import AsyncConnection, Error

CONNECT_SECONDS = 10
#: Besides the statement's own limit, for connecting and fetching.
GRACE_SECONDS = 15.0
MAX_ROWS = 100_000
MAX_DETAIL = 500
SCHEMES = ("postgresql", "postgres")
#: What an address may say; other settings of PostgreSQL's library name files and services of this server.
ALLOWED = frozenset({"host", "port", "user", "password", "dbname", "sslmode", "application_name", "channel_binding"})
#: The first statement of the transaction: after it nothing can make the transaction write (it has a snapshot).
LIMIT = "SELECT set_config('statement_timeout', %s, true)"
#: Classes of errors that another try may mend: no connection, rolled back, too little of something, an operator came between.
PASSING = ("08", "40", "53", "57", "58")


class Query(Block):
    """Ask a database and get the rows; it can only read.

    The server runs the query in a read-only transaction, whatever the query says, and ends it at the time limit. Values
    belong into the parameters, never into the text: %s takes the next of a list, %(name)s one by its name.
    """

    id = "sql.query"
    title = "SQL query"
    category = "Data"
    icon = "database"

    class Input(BlockInput):
        credential: Credential["sql"] = Field(title="Database", json_schema_extra=SETTING)
        query: str = Field(
            min_length=1, description="One statement that reads, such as SELECT.", json_schema_extra=CODE
        )
        parameters: list[Any] | dict[str, Any] | None = Field(
            None,
            description="Values for %s (a list) or %(name)s (by name); a percent sign is then %%.",
            json_schema_extra=CODE,
        )
        max_rows: Integer = Field(
            1_000,
            ge=1,
            le=MAX_ROWS,
            title="Most rows",
            description="Further ones are left out.",
            json_schema_extra=SETTING,
        )
        timeout_seconds: Number = Field(
            30,
            gt=0,
            le=3_600,
            title="Timeout (seconds)",
            json_schema_extra={**SETTING, "exclusiveMinimum": 0, "maximum": 3_600},
        )

    class Output(BlockOutput):
        rows: list[dict[str, Any]]
        row: Stream[dict[str, Any]]
        count: int
        more: bool

    async def run(self, input: Input, context: BlockContext) -> Outputs:
        secret = await context.credential(input.credential, "sql")
        settings = settings_of(secret)
        rows: list[dict[str, Any]] = []
        more = False
        async with asking(settings, input.timeout_seconds, context.http) as connection:
            found = read_rows(connection, input.query, input.parameters, input.timeout_seconds)
            async with aclosing(found):
                async for row in found:
                    if len(rows) == input.max_rows:
                        more = True
                        break
                    rows.append(row)
        if more:
            context.log(f"Only the first {len(rows):,} rows were read.", "warning")
        context.usage(items=len(rows))
        yield "rows", rows
        yield "count", len(rows)
        yield "more", more
        for row in rows:
            yield "row", row

    examples: ClassVar[list[Example]] = [
        Example({"credential": "database", "query": ""}, error="“query”"),
        Example({"credential": "database", "query": "SELECT 1"}, error="The host name db.example.com is not known"),
        Example({"credential": "files", "query": "SELECT 1"}, error="may not set “sslkey”"),
    ]


def settings_of(secret: Secret) -> dict[str, Any]:
    """What PostgreSQL's library needs to connect.

    Raises:
        BlockError: the address is none of PostgreSQL, names no single host, or says what it may not.
    """
    import psycopg
    from psycopg.conninfo import conninfo_to_dict

    scheme, _, rest = secret.fields.get("url", "").strip().partition("://")
    if scheme.partition("+")[0] not in SCHEMES:
        raise BlockError("Only PostgreSQL can be asked: an address begins with postgresql://.", retry=False)
    try:
        settings = conninfo_to_dict(f"postgresql://{rest}")
    except psycopg.ProgrammingError:
        raise BlockError("The credential's address is not one of a PostgreSQL database.", retry=False) from None
    if odd := sorted(set(settings) - ALLOWED):
        raise BlockError(f"The credential's address may not set “{odd[0]}”.", retry=False)
    host = str(settings.get("host") or "")
    if not host or "," in host or "/" in host or host.startswith("@"):
        raise BlockError("The credential's address must name one host.", retry=False)
    port = str(settings.get("port") or 5432)
    if not (port.isdecimal() and 0 < int(port) < 65_536):
        raise BlockError("The credential's address has no valid port.", retry=False)
    return {**settings, "port": int(port)}


@asynccontextmanager
async def asking(
    settings: Mapping[str, Any], timeout_seconds: float, http: HttpClient
) -> AsyncIterator["AsyncConnection[Any]"]:
    """A connection for one read-only transaction; what goes wrong becomes a BlockError."""
    import psycopg

    where = f"{settings['host']}:{settings['port']}"
    addresses = await http.addresses(settings["host"], settings["port"])
    try:
        async with asyncio.timeout(timeout_seconds + GRACE_SECONDS):
            connection = await _connected(settings, addresses)
            async with connection:
                yield connection
    except TimeoutError:
        raise BlockError(f"{where} did not answer within {timeout_seconds:g} seconds.") from None
    except psycopg.errors.QueryCanceled:
        raise BlockError(f"The query took longer than {timeout_seconds:g} seconds and was ended.") from None
    except psycopg.errors.ReadOnlySqlTransaction as error:
        raise BlockError(f"This block can only read: {_said(error)}.", retry=False) from None
    except psycopg.Error as error:
        raise _refused(where, error) from None


async def _connected(settings: Mapping[str, Any], addresses: Sequence[str]) -> "AsyncConnection[Any]":
    """A connection to the checked addresses; the name is what a certificate must say. Nothing of this server is used."""
    import psycopg

    connection = await psycopg.AsyncConnection.connect(
        **{
            **settings,
            "host": ",".join([settings["host"]] * len(addresses)),
            "hostaddr": ",".join(addresses),
            "application_name": settings.get("application_name", "agentflow"),
            "connect_timeout": CONNECT_SECONDS,
            "passfile": os.devnull,
            "sslcertmode": "disable",
            "gssencmode": "disable",
        }
    )
    await connection.set_read_only(True)
    return connection


async def read_rows(
    connection: "AsyncConnection[Any]",
    query: str,
    parameters: Sequence[Any] | Mapping[str, Any] | None,
    timeout_seconds: float,
) -> AsyncGenerator[dict[str, Any]]:
    """The rows of one statement, as they come: never more than one statement is sent, and no row before it is wanted."""
    from psycopg.rows import dict_row

    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(LIMIT, (f"{max(round(timeout_seconds * 1000), 1)}ms",))
        rows = cursor.stream(query, _sent(parameters))
        async with aclosing(rows):  # type: ignore[type-var]  # it is a generator, whatever psycopg's types say
            async for row in rows:
                yield {str(name): plain_value(value) for name, value in row.items()}


def _sent(parameters: Sequence[Any] | Mapping[str, Any] | None) -> Any:
    """Values as the database takes them: what JSON calls objects and lists of objects are its JSON."""
    if parameters is None:
        return None
    if isinstance(parameters, Mapping):
        return {name: _as_json(value) for name, value in parameters.items()}
    return [_as_json(value) for value in parameters]


def _as_json(value: Any) -> Any:
    from psycopg.types.json import Jsonb

    is_json = isinstance(value, dict) or isinstance(value, list) and any(isinstance(one, dict | list) for one in value)
    return Jsonb(value) if is_json else value


def plain_value(value: Any) -> Any:
    """A database's value as JSON; exact numbers stay exact, as text where JSON has none."""
    match value:
        case None | bool() | int() | str():
            return value
        case float():
            return value if isfinite(value) else str(value)
        case Decimal():
            whole = value.is_finite() and value == value.to_integral_value() and abs(value) < 2**63
            return int(value) if whole else str(value)
        case datetime() | date() | time():
            return value.isoformat()
        case timedelta():
            return value.total_seconds()
        case UUID():
            return str(value)
        case bytes() | bytearray() | memoryview():
            return base64.b64encode(bytes(value)).decode()
        case dict():
            return {str(name): plain_value(one) for name, one in value.items()}
        case list() | tuple() | set():
            return [plain_value(one) for one in value]
        case _:
            return str(value)


def _refused(where: str, error: "Error") -> BlockError:
    import psycopg

    if error.sqlstate is None and isinstance(error, psycopg.ProgrammingError):
        return BlockError(f"The query cannot be sent: {_said(error)}.", retry=False)
    if error.sqlstate is None:
        is_denied = "authentication failed" in str(error) or "does not exist" in str(error)
        return BlockError(f"{where} cannot be asked: {_said(error)}.", retry=not is_denied)
    return BlockError(f"{where} refuses the query: {_said(error)}.", retry=error.sqlstate.startswith(PASSING))


def _said(error: "Error") -> str:
    words = error.diag.message_primary or str(error)
    return " ".join(words.split())[:MAX_DETAIL].rstrip(".") or type(error).__name__
