"""Large values are passed on without a copy for each step, and what is recorded is what travelled."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User

from blocks.base import BlockError
from blocks.registry import configure
from executions import node_run
from executions.engine.status import Status
from executions.values import as_recorded, encode
from tests.executions.hosting import hosting, run, value

pytestmark = pytest.mark.redis

ROWS = [{"name": "x" * 80, "number": number, "nothing": None} for number in range(1_000)]


@pytest.fixture
def copied(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    """Large values that were copied from their JSON."""
    large: list[Any] = []
    copy = as_recorded

    def counted(value: Any, encoded: Any) -> Any:
        if encoded.sha256:
            large.append(value)
        return copy(value, encoded)

    monkeypatch.setattr(node_run, "as_recorded", counted)
    configure(["tests.executions.blocks"])
    yield large
    configure(())


@pytest.mark.django_db(transaction=True)
def test_large_value_is_copied_once_for_all_steps_that_pass_it_on(alice: User, copied: list[Any]) -> None:
    nodes = {"a": ("core.value", {"value": ROWS}), "b": ("core.value", {}), "c": ("core.value", {})}
    with hosting():
        execution = run(alice, nodes, "a.value -> b.value; b.value -> c.value")
    assert execution.status == Status.COMPLETED
    assert value(execution, "c") == ROWS
    assert len(copied) == 1


@pytest.mark.django_db(transaction=True)
def test_value_that_a_step_changed_in_place_is_recorded_as_it_left(alice: User, copied: list[Any]) -> None:
    nodes = {"a": ("core.value", {"value": ROWS}), "b": ("test.append", {}), "c": ("core.value", {})}
    with hosting():
        execution = run(alice, nodes, "a.value -> b.value; b.value -> c.value")
    assert value(execution, "a") == ROWS
    assert value(execution, "b") == value(execution, "c") == [*ROWS, "more"]
    assert len(copied) == 2


@pytest.mark.parametrize("wrong", [float("nan"), float("inf"), float("-inf")])
def test_number_that_json_lacks_is_found_among_many_nulls(wrong: float) -> None:
    with pytest.raises(BlockError, match="no JSON number"):
        encode([*[None, "null"] * 1_000, {"deep": [wrong]}])


def test_nulls_alone_are_fine() -> None:
    assert encode([None, "null", "NaN", {"null": None}]).text == b'[null,"null","NaN",{"null":null}]'
