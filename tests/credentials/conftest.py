"""Fixtures of credentials."""

from collections.abc import Iterator

import pytest

from blocks.registry import configure


@pytest.fixture(scope="module")
def leaky_blocks() -> Iterator[None]:
    configure(["tests.credentials.blocks"])
    yield
    configure(())
