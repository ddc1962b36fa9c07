"""The rig for tests: servers once a session, a fresh database and fresh processes for each rig."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from pytest_django import DjangoDbBlocker

from tests.faults.rig import Rig
from tests.faults.servers import Servers

#: `make_rig(workers=2, node_workers=1, environment=QUICK)`.
MakeRig = Callable[..., Rig]


@pytest.fixture(scope="session")
def rig_servers() -> Iterator[Servers]:
    with Servers() as servers:
        yield servers


@pytest.fixture
def make_rig(rig_servers: Servers, tmp_path: Path, django_db_blocker: DjangoDbBlocker) -> Iterator[MakeRig]:
    """Starts a rig that ends with the test; what its processes say is in the test's temporary folder."""
    with django_db_blocker.unblock(), ExitStack() as stack:

        def make(**options: Any) -> Rig:
            return stack.enter_context(Rig(rig_servers, tmp_path, **options))

        yield make
