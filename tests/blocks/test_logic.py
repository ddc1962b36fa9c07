"""Comparing is strict, total where it should be, and cannot hang."""

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blocks.base import BlockError, Port
from blocks.logic import Switch, compare, is_case_name
from blocks.values import equal
from tests.blocks.context import run

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**64 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(),
)
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=12)
NUMBERS = st.one_of(st.integers(-(2**63), 2**64 - 1), st.floats(allow_nan=False, allow_infinity=False))


@given(VALUES)
def test_every_value_equals_itself(value: Any) -> None:
    assert equal(value, value)


@given(VALUES, VALUES)
def test_equality_is_symmetric(a: Any, b: Any) -> None:
    assert equal(a, b) == equal(b, a)


@given(SCALARS, SCALARS)
def test_values_of_different_types_are_never_equal(a: Any, b: Any) -> None:
    kinds = [("number" if type(value) in (int, float) else type(value)) for value in (a, b)]
    assert kinds[0] == kinds[1] or not equal(a, b)
    assert equal([a], [b]) == equal({"k": a}, {"k": b}) == equal(a, b)


@pytest.mark.parametrize(
    ("a", "b", "same"),
    [
        (1, 1.0, True),
        (0.0, -0.0, True),
        (1, True, False),
        (0, False, False),
        ("5", 5, False),
        ([1, [2.0]], [1.0, [2]], True),
        ([1], [True], False),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, True),
        ({"a": None}, {}, False),
        (None, "", False),
        ([1, 2], [1, 2, 3], False),
        (2**53, 2.0**53, True),
        (2**53 + 1, 2.0**53, False),
    ],
)
def test_equality(a: Any, b: Any, *, same: bool) -> None:
    assert equal(a, b) is same


def test_deep_values_are_compared() -> None:
    a: Any = []
    b: Any = []
    for _ in range(10_000):
        a, b = [a], [b]
    assert equal(a, b)


@given(NUMBERS, NUMBERS)
async def test_exactly_one_of_less_equal_greater_holds(a: float, b: float) -> None:
    holds = [await compare(a, "<", b), await compare(a, "==", b), await compare(a, ">", b)]
    assert holds.count(True) == 1
    assert await compare(a, "<=", b) == (holds[0] or holds[1])
    assert await compare(a, ">=", b) == (holds[2] or holds[1])


@given(VALUES, VALUES)
async def test_unequal_is_the_opposite_of_equal(a: Any, b: Any) -> None:
    assert await compare(a, "!=", b) is not await compare(a, "==", b)


@pytest.mark.parametrize(("a", "b"), [("1", 2), (None, 1), (True, 2), ([1], [2]), ({}, {}), (1, "a"), (False, True)])
@pytest.mark.parametrize("operator", ["<", "<=", ">", ">="])
async def test_what_has_no_order_is_refused(a: Any, b: Any, operator: Any) -> None:
    with pytest.raises(BlockError, match="Cannot compare") as caught:
        await compare(a, operator, b)
    assert not caught.value.retry


@pytest.mark.parametrize(
    ("value", "empty"),
    [(None, True), ("", True), ([], True), ({}, True), (0, False), (False, False), (" ", False), ([None], False)],
)
async def test_is_empty(value: Any, *, empty: bool) -> None:
    assert await compare(value, "is_empty", None) is empty


@pytest.mark.parametrize(
    ("value", "other", "found"),
    [("tea", "ea", True), ("tea", "", True), ([1, "1"], 1.0, True), (["a"], True, False), ({"a": 1}, "a", True)],
)
async def test_contains(value: Any, other: Any, *, found: bool) -> None:
    assert await compare(value, "contains", other) is found


@pytest.mark.parametrize(("value", "other"), [(5, 5), (None, "a"), ("a", 1), ({"1": 2}, 1)])
async def test_contains_refuses_what_cannot_contain(value: Any, other: Any) -> None:
    with pytest.raises(BlockError, match="Cannot look for"):
        await compare(value, "contains", other)


@pytest.mark.parametrize("pattern", ["(a+)+$", "(a|aa)+$", "(.*a){20}$", r"(\w*)*\d"])
async def test_a_catastrophic_pattern_ends(pattern: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("blocks.patterns.MAX_SECONDS", 0.05)
    started = time.monotonic()
    try:
        await compare("a" * 5_000 + "!", "matches", pattern)
    except BlockError as error:
        assert "simplify" in error.message
    assert time.monotonic() - started < 5


@pytest.mark.parametrize("pattern", ["(", "[", "a{2,1}", "(?P<x>", "x" * 3_000])
async def test_a_wrong_pattern_is_named(pattern: str) -> None:
    with pytest.raises(BlockError, match="pattern") as caught:
        await compare("text", "matches", pattern)
    assert not caught.value.retry


@given(st.dictionaries(st.text(max_size=5), SCALARS, max_size=5) | VALUES)
def test_switch_shows_ports_for_whatever_a_draft_holds(cases: Any) -> None:
    ports = Switch.output_ports({"cases": cases})
    assert all(isinstance(port, Port) for port in ports)
    assert ports[-1].name == "default"
    assert len({port.name for port in ports}) == len(ports)


@given(st.dictionaries(st.text(max_size=5).filter(is_case_name), st.integers(), max_size=5), st.integers())
async def test_switch_yields_once_by_a_port_that_it_has(cases: dict[str, int], value: int) -> None:
    if len(set(cases.values())) < len(cases):
        with pytest.raises(BlockError, match="same value"):
            await run(Switch, {"value": value, "cases": cases})
        return
    outputs = await run(Switch, {"value": value, "cases": cases})
    (port,) = outputs
    assert outputs[port] == value
    assert cases.get(port, value) == value
