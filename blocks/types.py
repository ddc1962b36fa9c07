"""Which values fit which ports: JSON Schemas compared, values converted by a short list of safe conversions."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

Schema = Mapping[str, Any]

_KIND_OF: Final = {
    type(None): "null",
    bool: "boolean",
    int: "integer",
    float: "number",
    str: "string",
    list: "array",
    dict: "object",
}
_NOUNS: Final = {
    "null": "null",
    "boolean": "true or false",
    "integer": "a whole number",
    "number": "a number",
    "string": "text",
    "array": "a list",
    "object": "a dict",
}
ALL_KINDS: Final = frozenset(_NOUNS)
#: A whole number is a number.
_SEEN_AS: Final = {"integer": frozenset({"integer", "number"})}
_NUMBER: Final = re.compile(r"[+-]?\d+(\.\d+)?([eE][+-]?\d+)?", re.ASCII)
#: More digits than any number means; longer text is not read as one.
_LONGEST_NUMBER: Final = 400
_SHOWN_CHARACTERS: Final = 80
#: Schemas nested deeper (or without end) accept anything below.
_DEEPEST_SCHEMA: Final = 16


class Fit(StrEnum):
    """What a link does to the values that travel on it."""

    OK = "ok"
    #: Some or all values are converted; one that cannot be fails the sink's run with the value named.
    CONVERTS = "converts"
    REFUSED = "refused"


class ConversionError(ValueError):
    """The value does not fit and no listed conversion makes it fit; the message names it."""


@dataclass(frozen=True, slots=True)
class Acceptor:
    """What a schema says about the kinds of its values, read once."""

    kinds: frozenset[str] = field(default=ALL_KINDS)
    #: Of the items when an array is accepted; None: anything.
    items: "Acceptor | None" = None

    @property
    def noun(self) -> str:
        """What is accepted, in words."""
        words = [noun for kind, noun in _NOUNS.items() if kind in self.kinds]
        if {"integer", "number"} <= self.kinds:
            words.remove(_NOUNS["integer"])
        return " or ".join(words)

    def fit(self, sink: "Acceptor") -> Fit:
        """How values of this schema fit another."""
        if self.kinds == ALL_KINDS:
            return Fit.OK
        fits = {self._fit_kind(kind, sink) for kind in self.kinds}
        if fits <= {Fit.OK}:
            return Fit.OK
        return Fit.REFUSED if fits == {Fit.REFUSED} else Fit.CONVERTS

    def _fit_kind(self, kind: str, sink: "Acceptor") -> Fit:
        if kind in sink.kinds:
            return (self.items or ANY).fit(sink.items) if kind == "array" and sink.items else Fit.OK
        if "string" in sink.kinds or (kind in ("integer", "number", "string") and sink.kinds & {"integer", "number"}):
            return Fit.CONVERTS
        if (
            kind != "boolean"
            and "array" in sink.kinds
            and Acceptor(frozenset({kind})).fit(sink.items or ANY) is not Fit.REFUSED
        ):
            return Fit.CONVERTS
        return Fit.REFUSED

    def accepts(self, value: Any) -> bool:
        """Whether the value is of an accepted kind as it is; items of a list too."""
        kind = _KIND_OF.get(type(value), "")
        if kind == "array" and "array" in self.kinds and self.items:
            return all(self.items.accepts(item) for item in value)
        return bool(self.kinds & _SEEN_AS.get(kind, frozenset({kind})))

    def convert(self, value: Any, *, wrap: bool = True) -> Any:
        """The value itself when it fits, else converted; never changes the value given.

        Raises:
            ConversionError: no conversion of the list fits.
        """
        kind = _KIND_OF.get(type(value), "")
        kinds = self.kinds
        if kind in kinds:
            return self._convert_items(value) if kind == "array" and self.items else value
        if kind == "integer" and "number" in kinds:
            return _to_float(value)
        if kind == "number" and "integer" in kinds and value.is_integer():
            return int(value)
        if kind == "string" and kinds & {"integer", "number"} and (number := _parse(value, kinds)) is not None:
            return number
        if kind and "string" in kinds:
            return _to_text(value)
        if kind and kind != "boolean" and wrap and "array" in kinds:
            return [(self.items or ANY).convert(value, wrap=False)]
        raise ConversionError(f"{shown(value)} is not {self.noun}")

    def _convert_items(self, values: list[Any]) -> list[Any]:
        convert = (self.items or ANY).convert
        converted = [convert(value, wrap=False) for value in values]
        return converted if any(a is not b for a, b in zip(converted, values, strict=True)) else values


ANY: Final = Acceptor()


def acceptor(schema: Schema) -> Acceptor:
    """What the schema accepts; keywords that say nothing about kinds are left to the block's own check."""
    return _read(schema, schema.get("$defs", {}), 0)


def link_fit(source: Schema, sink: Schema) -> Fit:
    """How values of the source port's schema fit the sink port's."""
    return acceptor(source).fit(acceptor(sink))


def convert(value: Any, sink: Schema) -> Any:
    """The value as the sink port takes it.

    Raises:
        ConversionError: it does not fit; the message names the value.
    """
    return acceptor(sink).convert(value)


def step(schema: Schema, part: str) -> Schema | None:
    """Schema of a part (dict key or list index) of the schema's values; None when no value of it has parts.

    `{}` where the schema does not say.
    """
    return _step(schema, part, schema.get("$defs", {}), 0)


def shown(value: Any) -> str:
    """The value for an error message: compact JSON, cut when long."""
    try:
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    except (TypeError, ValueError):
        text = repr(value)
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[: _SHOWN_CHARACTERS - 1]}…"


def _read(schema: Any, defs: Schema, depth: int) -> Acceptor:
    if not isinstance(schema, Mapping) or depth > _DEEPEST_SCHEMA:
        return Acceptor(frozenset()) if schema is False else ANY
    found = ANY
    if "type" in schema:
        types = schema["type"]
        found = Acceptor(frozenset([types] if isinstance(types, str) else types))
    if "const" in schema or "enum" in schema:
        values = [schema["const"]] if "const" in schema else schema["enum"]
        found = _both(found, Acceptor(frozenset(_KIND_OF.get(type(value), "null") for value in values)))
    if "items" in schema:
        found = Acceptor(found.kinds, _read(schema["items"], defs, depth + 1))
    if "$ref" in schema:
        found = _both(found, _read(_resolve(schema["$ref"], defs), defs, depth + 1))
    for keyword in ("anyOf", "oneOf"):
        if keyword in schema:
            found = _both(found, _either([_read(one, defs, depth + 1) for one in schema[keyword]]))
    for one in schema.get("allOf", ()):
        found = _both(found, _read(one, defs, depth + 1))
    return found


def _resolve(reference: str, defs: Schema) -> Any:
    return defs.get(reference.removeprefix("#/$defs/"), {})


def _both(one: Acceptor, other: Acceptor) -> Acceptor:
    return Acceptor(one.kinds & other.kinds, one.items or other.items)


def _either(choices: list[Acceptor]) -> Acceptor:
    kinds = frozenset(kind for choice in choices for kind in choice.kinds)
    lists = [choice.items for choice in choices if "array" in choice.kinds]
    return Acceptor(kinds, lists[0] if len(lists) == 1 else None)


def _step(schema: Any, part: str, defs: Schema, depth: int) -> Schema | None:
    if not isinstance(schema, Mapping) or depth > _DEEPEST_SCHEMA:
        return {}
    if "$ref" in schema:
        return _step(_resolve(schema["$ref"], defs), part, defs, depth + 1)
    choices = [*schema.get("anyOf", ()), *schema.get("oneOf", ())]
    if choices:
        steps = [found for choice in choices if (found := _step(choice, part, defs, depth + 1)) is not None]
        return {"anyOf": steps, "$defs": defs} if steps else None
    kinds = _read(schema, defs, depth).kinds
    if not kinds & {"object", "array"}:
        return None
    if kinds >= {"object", "array"}:
        return {}
    if "array" in kinds:
        below = schema.get("items", {}) if part.isdecimal() else None
    else:
        below = schema.get("properties", {}).get(part, schema.get("additionalProperties", {}))
    if below is None:
        return None
    return {**below, "$defs": defs} if isinstance(below, Mapping) else {}


def _to_float(value: int) -> float:
    try:
        number = float(value)
    except OverflowError:
        number = float("inf")
    if number != value:
        raise ConversionError(f"{shown(value)} is too long a number to be kept exactly")
    return number


def _parse(text: str, kinds: frozenset[str]) -> int | float | None:
    """The number that the text is; None when it is none of the kinds asked for."""
    text = text.strip()
    if len(text) > _LONGEST_NUMBER or not (match := _NUMBER.fullmatch(text)):
        return None
    if not (match[1] or match[2]):
        return int(text) if "integer" in kinds else _to_float(int(text))
    number = float(text)
    if "number" in kinds:
        return number if abs(number) != float("inf") else None
    return int(number) if number.is_integer() else None


def _to_text(value: Any) -> str:
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    except (TypeError, ValueError) as error:
        raise ConversionError(f"{shown(value)} is not JSON") from error
