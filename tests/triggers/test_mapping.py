"""Inputs are taken from where the mapping says, from any value, and nothing is made up."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentflow.triggers.mapping import MappingError, check_mapping, mapped

SOURCES = {"body": "the body", "query": "the query"}
keys = st.text("abc01", min_size=1, max_size=3)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=20,
)


def paths(value: Any, here: str) -> list[tuple[str, Any]]:
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [(here, value), *(found for key, part in inside for found in paths(part, f"{here}.{key}"))]


@given(values)
def test_every_part_of_a_value_can_be_reached(body: Any) -> None:
    for address, value in paths(body, "body"):
        assert mapped({"x": address}, {"body": body}) == {"x": value}


@given(values, st.lists(st.text("abc019-", min_size=1, max_size=4), max_size=6))
def test_what_is_not_there_is_left_out(body: Any, parts: list[str]) -> None:
    address = ".".join(["body", *parts])
    found = mapped({"x": address}, {"body": body})
    assert found == {"x": dict(paths(body, "body"))[address]} if address in dict(paths(body, "body")) else not found


@pytest.mark.parametrize(
    "mapping",
    [
        {"x": "cookies.a"},
        {"x": ""},
        {"x": "body..a"},
        {"x": "body." + ".".join("a" * 30)},
        {"x": 7},
        {"no name": "body"},
        {"x": "body." + "a" * 400},
        {f"x{n}": "body" for n in range(300)},
    ],
)
def test_a_mapping_from_nowhere_is_refused(mapping: dict[str, Any]) -> None:
    with pytest.raises(MappingError):
        check_mapping(mapping, SOURCES)
