"""Psycopg connections with Django's settings, for the hot path."""

from typing import Any

import orjson
from django.db import connections
from psycopg import AsyncConnection
from psycopg.conninfo import make_conninfo
from psycopg.types.json import set_json_dumps

#: The server notices within seconds that a worker's machine is gone.
_KEEPALIVE: dict[str, Any] = {
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "connect_timeout": 5,
}


def conninfo(application: str) -> str:
    """Where Django's default database is; in tests, the test database."""
    chosen = connections["default"].settings_dict
    return make_conninfo(
        dbname=str(chosen["NAME"]),
        user=str(chosen["USER"]) or None,
        password=str(chosen["PASSWORD"]) or None,
        host=str(chosen["HOST"]) or None,
        port=str(chosen["PORT"]) or None,
        application_name=application,
        **_KEEPALIVE,
    )


async def connect(application: str) -> AsyncConnection[Any]:
    """A connection in autocommit mode that writes JSON with orjson."""
    connection = await AsyncConnection.connect(conninfo(application), autocommit=True)
    set_json_dumps(orjson.dumps, connection)
    return connection
