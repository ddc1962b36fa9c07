"""Which values fit which ports, and how they are converted."""

import pytest
from pydantic import BaseModel, TypeAdapter

from blocks.types import ConversionError, Fit, convert, link_fit, step


class Person(BaseModel):
    name: str
    age: int = 0
    tags: list[str] = []


def schema(type_):
    return TypeAdapter(type_).json_schema()


@pytest.mark.parametrize(
    ("source", "sink", "fit"),
    [
        (int, int, Fit.OK),
        (int, float, Fit.CONVERTS),
        (int, int | float, Fit.OK),
        (float, int, Fit.CONVERTS),
        (str, float, Fit.CONVERTS),
        (bool, str, Fit.CONVERTS),
        (bool, int, Fit.REFUSED),
        (bool, float, Fit.REFUSED),
        (bool, list[bool], Fit.REFUSED),
        (bool | int, list[int], Fit.CONVERTS),
        (None, str, Fit.CONVERTS),
        (None, int, Fit.REFUSED),
        (list[int], str, Fit.CONVERTS),
        (float, list[int], Fit.CONVERTS),
        (dict, bool, Fit.REFUSED),
        (dict, str, Fit.CONVERTS),
        (str, list[str], Fit.CONVERTS),
        (str, dict, Fit.REFUSED),
        (list[int], list[float], Fit.CONVERTS),
        (list[int], list[bool], Fit.REFUSED),
        (list[int], int, Fit.REFUSED),
        (list[int], list, Fit.OK),
        (dict, list[int], Fit.REFUSED),
        (str | None, str | None, Fit.OK),
        (str | None, str, Fit.CONVERTS),
        (Person, dict, Fit.OK),
        (Person, Person, Fit.OK),
        (Person, list[Person], Fit.CONVERTS),
        (Person, bool, Fit.REFUSED),
    ],
)
def test_how_types_fit(source, sink, fit):
    assert link_fit(schema(source), schema(sink)) is fit


def test_anything_fits_what_takes_anything():
    assert link_fit(schema(Person), {}) is Fit.OK
    assert link_fit({}, schema(Person)) is Fit.OK


@pytest.mark.parametrize(
    ("value", "sink", "converted"),
    [
        (1, float, 1.0),
        (1.0, int, 1),
        ("5", int, 5),
        (" -7 ", int, -7),
        ("2.5", float, 2.5),
        ("1e3", int, 1000),
        ("5", int | str, "5"),
        (5, str, "5"),
        (None, str, "null"),
        (True, str, "true"),
        ([True], list[str], ["true"]),
        (1e22, str, "1e+22"),
        ("0.1", float | int, 0.1),
        ("+5", float, 5.0),
        (2**53, float, float(2**53)),
        (None, list, [None]),
        (0, list[str], ["0"]),
        ({"ä": [1, None]}, str, '{"ä":[1,null]}'),
        ("text", list[str], ["text"]),
        ("5", list[int], [5]),
        ([1, "2", 3.0], list[int], [1, 2, 3]),
        (None, str | None, None),
        ({"a": 1}, list[dict], [{"a": 1}]),
    ],
)
def test_conversions(value, sink, converted):
    found = convert(value, schema(sink))
    assert (found, type(found)) == (converted, type(converted))


@pytest.mark.parametrize(
    ("value", "sink", "message"),
    [
        ("abc", int, '"abc" is not a whole number'),
        ("1_000", int, "1_000"),
        ("0x10", int, "0x10"),
        ("nan", float, "nan"),
        ("1e999", float, "1e999"),
        ("٣", int, "٣"),
        (True, int, "true is not a whole number"),
        (False, float, "false is not a number"),
        (True, list[bool], "true is not a list"),
        (False, list, "false is not a list"),
        ("", int, '"" is not a whole number'),
        ("1,5", float, '"1,5" is not a number'),
        ("5 6", int, '"5 6" is not a whole number'),
        ({"a": 1}, float, '{"a":1} is not a number'),
        (1.5, int, "1.5 is not a whole number"),
        (2**53 + 1, float, "9007199254740993"),
        (10**400, float, "100000"),
        ("9" * 1000, int, "999"),
        (None, int, "null is not a whole number"),
        ("x", dict, '"x" is not a dict'),
        ([1], int, "[1] is not a whole number"),
        ([[1]], list[int], "[1] is not a whole number"),
        (float("nan"), str, "NaN"),
        ("true", bool, '"true" is not true or false'),
        ("a", int | None, '"a" is not null or a whole number'),
    ],
)
def test_what_cannot_be_converted_is_named(value, sink, message):
    with pytest.raises(ConversionError) as caught:
        convert(value, schema(sink))
    assert message in str(caught.value)


def test_a_value_that_fits_is_not_copied():
    value = [[1, 2], [3]]
    assert convert(value, schema(list[list[int]])) is value


def test_the_given_list_is_never_changed():
    value = [1, "2"]
    convert(value, schema(list[int]))
    assert value == [1, "2"]


def test_a_long_value_is_cut_in_the_message():
    with pytest.raises(ConversionError) as caught:
        convert("x" * 1000, schema(int))
    assert len(str(caught.value)) < 120


def test_steps_into_schemas():
    assert step(schema(Person), "name") == {"title": "Name", "type": "string", "$defs": {}}
    assert step(schema(dict[str, int]), "any") == {"type": "integer", "$defs": {}}
    assert step(schema(list[int]), "3") == {"type": "integer", "$defs": {}}
    assert step(schema(list[int]), "x") is None
    assert step(schema(int), "x") is None
    assert step({}, "x") == {}


def test_steps_into_a_choice_and_a_reference():
    below = step(schema(list[Person] | Person | None), "tags")
    assert below is not None
    assert link_fit(below, schema(list[str])) is Fit.OK


def test_a_recursive_schema_is_read():
    recursive = {"$defs": {"t": {"type": "array", "items": {"$ref": "#/$defs/t"}}}, "$ref": "#/$defs/t"}
    assert convert([[[]]], recursive) == [[[]]]
