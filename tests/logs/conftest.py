"""What a process would write."""

import json
import logging
from collections.abc import Iterator
from io import StringIO
from typing import Any

import pytest

from agentflow.logs.setup import formatter


class Lines:
    """The JSON lines so far."""

    def __init__(self) -> None:
        self.stream = StringIO()

    def __call__(self, **wanted: Any) -> list[dict[str, Any]]:
        """Those with these values."""
        found = [json.loads(line) for line in self.stream.getvalue().splitlines()]
        return [line for line in found if wanted.items() <= line.items()]


@pytest.fixture
def lines() -> Iterator[Lines]:
    """All lines of the test, as JSON."""
    made = Lines()
    handler = logging.StreamHandler(made.stream)
    handler.setFormatter(formatter("json"))
    logging.getLogger().addHandler(handler)
    yield made
    logging.getLogger().removeHandler(handler)
