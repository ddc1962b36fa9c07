"""Fixtures for every test: servers on demand, people, API clients."""

import logging
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from django.contrib.auth.models import User
from django.db import connection
from pytest_django import DjangoDbBlocker

from agentflow.logs.context import NOTHING, work_on
from tests import factories, servers
from tests.tracebacks import Tracebacks

if TYPE_CHECKING:  # it imports the whole API, which tests of blocks and engine need not wait for
    from rest_framework.test import APIClient


@pytest.fixture(scope="session")
def services() -> None:
    """PostgreSQL and Redis answer."""
    servers.start()


@pytest.fixture(scope="session")
def django_db_modify_db_settings(services: None) -> None:
    """Called before the test database is made."""


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """The test database; at the end nobody else is in it: threads of async code keep their connections."""
    yield
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


@pytest.fixture(autouse=True)
def _needed_services(request: pytest.FixtureRequest) -> None:
    if request.node.get_closest_marker("redis"):
        request.getfixturevalue("services")


@pytest.fixture(autouse=True)
def _own_log_lines() -> Iterator[None]:
    """What one test's lines are about is not said of the next one's."""
    yield
    work_on(NOTHING)


@pytest.fixture
def redis_url(services: None) -> str:
    return os.environ["REDIS_URL"]


@pytest.fixture
def alice(db: None) -> User:
    """Owns and edits."""
    return factories.user("alice")


@pytest.fixture
def bob(db: None) -> User:
    """Views what is shared with him."""
    return factories.user("bob")


@pytest.fixture
def charlie(db: None) -> User:
    """A stranger."""
    return factories.user("charlie")


@pytest.fixture
def admin(db: None) -> User:
    """May do everything in the admin."""
    return factories.user("admin", is_staff=True, is_superuser=True)


@pytest.fixture
def api() -> "APIClient":
    """A client nobody is logged in to; `api.force_authenticate(alice)`."""
    from rest_framework.test import APIClient

    return APIClient()


@pytest.fixture
def alice_api(alice: User) -> "APIClient":
    return _client_of(alice)


@pytest.fixture
def bob_api(bob: User) -> "APIClient":
    return _client_of(bob)


@pytest.fixture
def charlie_api(charlie: User) -> "APIClient":
    return _client_of(charlie)


def _client_of(user: User) -> "APIClient":
    from rest_framework.test import APIClient

    client = APIClient()
    client.force_authenticate(user)
    return client


@pytest.fixture
def tracebacks() -> Iterator[Tracebacks]:
    """For tests of bad input: in the end the log has no errors."""
    handler = Tracebacks()
    logging.getLogger().addHandler(handler)
    yield handler
    logging.getLogger().removeHandler(handler)
    handler.refuse()


@pytest.fixture
def unthrottled(monkeypatch: pytest.MonkeyPatch) -> None:
    """As many requests as one likes."""
    from agentflow.api.throttling import Buckets, CallerThrottle

    for name in ("users", "strangers"):
        monkeypatch.setattr(CallerThrottle, name, Buckets(rate=1e9, burst=1e9))
