"""Every endpoint, page and socket for everybody: the table is complete, and the product does what it says."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import pytest
from django.db import transaction
from django.test import Client

from agentflow import asgi
from executions.sockets import Close, Closed, UnknownConsumer
from tests.executions.sockets import session_of
from tests.permissions.table import ADMINISTRATION, ADMINISTRATION_OPEN, JSON, SOCKETS, TABLE, Row
from tests.permissions.walking import addresses
from tests.permissions.world import ACTORS, PEOPLE, World, made_world

LOGIN = ("/accounts/login/", "/admin/login/")
CODES = {401: "log in", 403: "refused", 404: "nothing", 405: "no such method"}
PARAMETERS = re.compile(r"<[^>]*>|\(\?P[^)]*\)")
OURS = [address for address in addresses() if not address.route.startswith(ADMINISTRATION)]
THEIRS = [address.route for address in addresses() if address.route.startswith(ADMINISTRATION)]
#: Methods that no browser and no client of ours uses: form views take PUT for POST.
SAME_AS_POST = {"PUT"}


@pytest.fixture
def world(db: None, unthrottled: None) -> World:
    return made_world()


@contextmanager
def undone() -> Iterator[None]:
    """What happens inside did not happen."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def answer(client: Client, row: Row, world: World) -> str:
    body = {name: _filled(value, world) for name, value in row.body.items()}
    options: dict[str, Any] = {"content_type": JSON} if row.is_api else {}
    with undone():
        response = (
            client.generic(row.method, world.path(row.route))
            if row.method == "GET"
            else getattr(client, row.method.lower())(world.path(row.route), body, **options)
        )
    if response.status_code == 302 and response["Location"].startswith(LOGIN):
        return "log in"
    assert response.status_code < 500, f"{row.method} {row.route}: {response.status_code}"
    return CODES.get(response.status_code, "ok")


def _filled(value: Any, world: World) -> Any:
    return str(world.values[value[1:-1]]) if isinstance(value, str) and value.startswith("{") else value


@pytest.mark.parametrize("row", TABLE, ids=lambda row: f"{row.method} {row.route}")
def test_everybody_is_answered_what_the_table_says(world: World, row: Row) -> None:
    assert {name: answer(world.clients[name], row, world) for name in ACTORS} == dict(row.answers)


@pytest.mark.parametrize("address", OURS, ids=lambda address: address.route)
def test_every_address_has_its_rows(address: Any) -> None:
    rows = {row.method for row in TABLE if row.route == address.route}
    assert rows, f"{address.route} has no row in tests/permissions/table.py"
    if address.methods:
        assert rows >= address.methods - (SAME_AS_POST if "POST" in rows else set())


def test_every_row_has_an_address() -> None:
    assert {row.route for row in TABLE} <= {address.route for address in OURS}


def test_what_a_stranger_asks_for_is_not_there() -> None:
    """Whoever refuses a stranger instead says that there is something."""
    assert not [row for row in TABLE if "refused" in (row.answers["stranger"], row.answers["staff"])]


def test_the_administration_is_for_staff_with_permissions(world: World) -> None:
    strangers = ("owner", "anonymous", "token write")
    open_to: list[tuple[str, str, int]] = []
    for route in sorted(set(THEIRS) - ADMINISTRATION_OPEN):
        path = "/" + PARAMETERS.sub("1", route).replace("/?", "/").replace("$", "")
        with undone():
            answers = {name: world.clients[name].get(path) for name in strangers}
        open_to += [(path, name, found.status_code) for name, found in answers.items() if not _is_shut(found)]
    assert not open_to, str(open_to)


def _is_shut(response: Any) -> bool:
    return response.status_code in (401, 403, 404) or (
        response.status_code == 302 and response["Location"].startswith("/admin/login/")
    )


@pytest.mark.parametrize("route", SOCKETS)
def test_a_socket_is_for_whom_the_table_says(world: World, route: str) -> None:
    consumer = next(pattern.callback for pattern in asgi.addresses if str(pattern.pattern) == route).consumer_class()
    consumer.id = world.graph.pk if "graphs" in route else UUID(str(world.values["executions"]))
    keys = {**{name: session_of(world.users[name]) for name in PEOPLE}, "anonymous": ""}
    assert {name: _watched(consumer, key) for name, key in keys.items()} == {
        name: SOCKETS[route][name] for name in keys
    }


def _watched(consumer: Any, key: str) -> str:
    try:
        consumer._watcher(key)
    except Closed as closed:
        return {Close.ANONYMOUS: "log in", Close.UNKNOWN: "nothing"}[closed.code]
    return "ok"


def test_every_socket_is_in_the_table() -> None:
    routes = {
        str(pattern.pattern) for pattern in asgi.addresses if pattern.callback.consumer_class is not UnknownConsumer
    }
    assert routes == SOCKETS.keys()
