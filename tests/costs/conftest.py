"""Blocks that cost something, and a worker that runs them."""

from collections.abc import Iterator
from typing import Any

import pytest

from blocks.registry import configure
from tests.executions.conftest import host, lasting_db, owner  # noqa: F401 - fixtures


@pytest.fixture(scope="module")
def odd_blocks() -> Iterator[None]:
    """Blocks that cost something, for `host`."""
    configure(["tests.executions.paid_blocks"])
    yield
    configure(())


@pytest.fixture
def credits_on(settings: Any) -> None:
    """What costs something needs credits."""
    settings.CREDITS = True
