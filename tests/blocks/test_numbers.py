"""Arithmetic on numbers as they are written, and JSON text that keeps them."""

import json
import math
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from blocks.base import BlockError
from blocks.decimals import OPERATIONS, calculate, rounded, total
from blocks.values import MAX_DEPTH, MAX_INTEGER, MIN_INTEGER, parse_json, show, to_json

INTEGERS = st.integers(-(2**62), 2**62)
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
MONEY = st.decimals(-(10**7), 10**7, places=2).map(float)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(MIN_INTEGER, MAX_INTEGER) | FLOATS | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(INTEGERS, INTEGERS)
def test_whole_numbers_stay_whole(a: int, b: int) -> None:
    assert calculate("add", a, b) == a + b
    assert calculate("subtract", a, b) == a - b
    assert type(calculate("add", a, b)) is int


@given(MONEY, st.integers(-10_000, 10_000))
def test_money_times_units_is_exact(price: float, units: int) -> None:
    assert calculate("multiply", price, units) == float(Decimal(repr(price)) * units)


@given(st.lists(MONEY))
def test_a_total_of_money_is_exact(prices: list[float]) -> None:
    assert total(prices) == float(sum((Decimal(repr(price)) for price in prices), Decimal(0)))


@given(INTEGERS, INTEGERS.filter(bool))
def test_a_quotient_is_whole_only_without_rest(a: int, b: int) -> None:
    result = calculate("divide", a, b)
    assert (type(result) is int) is (a % b == 0)
    assert result == a // b if a % b == 0 else math.isclose(float(result), Fraction(a, b), rel_tol=1e-15)


@given(FLOATS | INTEGERS, (FLOATS | INTEGERS).filter(bool))
def test_a_rest_has_the_sign_of_the_divisor_and_is_smaller(a: float, b: float) -> None:
    try:
        rest = calculate("modulo", a, b)
    except BlockError:
        assume(False)
    assert rest == 0 or (rest < 0) is (b < 0)
    assert abs(rest) <= float(abs(b)), "up to the nearest float"


@given(st.sampled_from(sorted(OPERATIONS)), FLOATS | INTEGERS, FLOATS | INTEGERS)
def test_a_result_is_a_finite_number_or_a_clear_error(operation: str, a: float, b: float) -> None:
    try:
        result = calculate(operation, a, b)
    except BlockError as error:
        assert not error.retry
        return
    assert type(result) in (int, float)
    assert math.isfinite(result)


@pytest.mark.parametrize(
    ("operation", "a", "b", "result"),
    [
        ("add", 0.1, 0.2, 0.3),
        ("subtract", 0.3, 0.1, 0.2),
        ("multiply", 1.1, 1.1, 1.21),
        ("divide", 6, 2, 3),
        ("divide", 1, 3, 1 / 3),
        ("modulo", 7, -3, -2),
        ("modulo", 5.5, 2, 1.5),
        ("power", 2, -1, 0.5),
        ("power", 2, 0.5, math.sqrt(2)),
        ("power", 0, 0, 1),
        ("power", 1, 2**62, 1),
        ("power", -1, 2**62 + 1, -1),
        ("min", 2, 1.5, 1.5),
    ],
)
def test_results(operation: str, a: float, b: float, result: float) -> None:
    assert calculate(operation, a, b) == result


@pytest.mark.parametrize(
    ("operation", "a", "b"),
    [
        ("divide", 1, 0),
        ("divide", 1.5, 0.0),
        ("modulo", 1, 0),
        ("power", 0, -1),
        ("power", -8, 0.5),
        ("power", 2, 64),
        ("power", 10, 2**62),
        ("power", 1.5, 1e9),
        ("multiply", 2**63, 3),
        ("multiply", 1e308, 10),
        ("add", 2**64 - 1, 1),
    ],
)
def test_impossible_results_are_errors(operation: str, a: float, b: float) -> None:
    with pytest.raises(BlockError):
        calculate(operation, a, b)


@pytest.mark.parametrize(
    ("number", "decimals", "result"),
    [(2.675, 2, 2.68), (-2.675, 2, -2.68), (2.5, 0, 3.0), (7, 2, 7), (1e300, 2, 1e300), (0.1, 15, 0.1)],
)
def test_rounding_goes_by_what_is_written(number: float, decimals: int, result: float) -> None:
    assert rounded(number, decimals) == result


@given(VALUES)
def test_json_text_gives_back_the_value(value: Any) -> None:
    text = to_json(value)
    assert repr(parse_json(text)) == repr(value)
    assert to_json(json.loads(text)) == text


@given(VALUES)
def test_a_value_in_a_message_is_its_json_cut_to_fit(value: Any) -> None:
    text = to_json(value)
    assert len(show(value)) <= 60
    assert len(text) > 50 or json.loads(show(value)) == json.loads(text)


def test_only_the_beginning_of_a_large_value_is_written() -> None:
    shared: Any = ["x" * 1_000_000]
    for _ in range(40):
        shared = [shared, shared]
    assert show(shared) == "[" * 41 + '"' + "x" * 17 + "…"
    assert show({"a": [], "b": {}, "c": [1, None]}) == '{"a":[],"b":{},"c":[1,null]}'


@given(st.integers(-(10**30), 10**30))
def test_a_whole_number_is_kept_or_refused(number: int) -> None:
    try:
        assert parse_json(f'{{"n": {number}}}')["n"] == number
    except BlockError as error:
        assert not MIN_INTEGER <= number <= MAX_INTEGER
        assert "too large" in error.message


@pytest.mark.parametrize(
    "text", ["", "NaN", "Infinity", "{'a': 1}", '{"a": 1,}', "01", '"\\ud800"', "[1] [2]", "\ud800", '"\x01"', "nul"]
)
def test_what_is_not_json_is_refused(text: str) -> None:
    with pytest.raises(BlockError, match="not JSON"):
        parse_json(text)


def test_digits_inside_text_are_no_number() -> None:
    assert parse_json('["123456789012345678901234567890", "\\"123456789012345678901"]')[0].startswith("123")


@pytest.mark.parametrize(("levels", "fits"), [(MAX_DEPTH, True), (MAX_DEPTH + 1, False), (100_000, False)])
def test_depth_is_bounded(levels: int, *, fits: bool) -> None:
    text = "[" * levels + "]" * levels
    if fits:
        parse_json(text)
    else:
        with pytest.raises(BlockError):
            parse_json(text)
