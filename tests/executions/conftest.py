"""Fixtures of what runs and what reads executions."""

from collections.abc import Iterator
from secrets import token_hex
from threading import Barrier

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connections
from pytest_django.plugin import DjangoDbBlocker

from blocks.registry import configure
from executions import hub, services, starting
from executions.host import Host
from executions.models import Execution
from tests import factories
from tests.executions import blocks
from tests.executions.hosting import hosting


@pytest.fixture
def fast(monkeypatch: pytest.MonkeyPatch) -> None:
    """The hub looks for missed wake-ups many times a second."""
    monkeypatch.setattr("executions.hub.POLL_SECONDS", 0.05)
    monkeypatch.setattr("executions.consumers.POLL_SECONDS", 0.05)
    monkeypatch.setattr("executions.consumers.QUIET_POLL_SECONDS", 0.05)
    monkeypatch.setattr("executions.hub.FRAME_SECONDS", 0.01)
    monkeypatch.setattr("executions.hub.RETRY_SECONDS", 0.05)


@pytest.fixture
def quiet(transactional_db: None) -> Iterator[None]:
    """Nothing reads the database any more when the test's rows are deleted."""
    yield
    barrier = Barrier(hub.READERS)
    for waiting in [hub._READERS.submit(barrier.wait) for _ in range(hub.READERS)]:
        waiting.result(timeout=10)


@pytest.fixture(scope="module")
def lasting_db(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """One database for all tests of a module, who keep to their own owners; it is emptied at the end.

    The module must name it `db`: only then does pytest-django make the test database.
    """
    with django_db_blocker.unblock():
        assert str(connections["default"].settings_dict["NAME"]).startswith("test_")
        yield
        connections.close_all()
        call_command("flush", verbosity=0, interactive=False)
        starting._checks.cache_clear()  # ids begin anew


@pytest.fixture(scope="module")
def odd_blocks() -> Iterator[None]:
    """The blocks that misbehave on purpose."""
    configure(["tests.executions.blocks"])
    yield
    configure(())


@pytest.fixture(scope="module")
def host(lasting_db: None, odd_blocks: None) -> Iterator[Host]:
    """A worker for all tests of a module."""
    with hosting() as running:
        yield running


@pytest.fixture
def owner(lasting_db: None) -> Iterator[User]:
    """Somebody whom no other test knows; gates are shut and nothing was tried yet."""
    blocks.GATES.clear()
    blocks.TRIES.clear()
    made = factories.user(f"alice-{token_hex(4)}")
    yield made
    for left in Execution.objects.filter(owner=made, ended_at=None):
        services.cancel_execution(left, user=made)
