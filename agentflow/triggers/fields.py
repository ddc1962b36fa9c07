"""The fields that ask a person for a graph's inputs, and what was typed as values; pure."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agentflow.decoding import read_json
from agentflow.graphs.spec import NodeSpec
from blocks.base import title_of
from executions.inputs import InputsRefused, resolve_inputs

#: Characters of a field, and of what a field for JSON shows of a default.
LONGEST = 100_000
JSON_TYPES = frozenset({"list", "dict"})


@dataclass(frozen=True, slots=True)
class InputField:
    """One field."""

    name: str
    #: As `io.input` has it: any, text, number, integer, boolean, list, dict.
    type: str
    is_required: bool
    description: str
    #: What it shows at first, or what was typed.
    text: str = ""
    error: str = ""

    @property
    def title(self) -> str:
        """What it is called."""
        return title_of(self.name)

    @property
    def is_checked(self) -> bool:
        """Of a boolean."""
        return self.text == "true"


def input_fields(
    nodes: Iterable[NodeSpec],
    values: Mapping[str, Any] = {},
    *,
    without: Iterable[str] = (),
) -> list[InputField]:
    """A field for each input, with its default or the value that is given."""
    left_out = {*without}
    found: dict[str, InputField] = {}
    for node in nodes:
        name = str(node.config.get("name", ""))
        if name and name not in left_out and name not in found:
            kind = str(node.config.get("type", "any"))
            default = node.config.get("default")
            value = values.get(name, default)
            is_required = bool(node.config.get("required")) and default is None
            found[name] = InputField(
                name, kind, is_required, str(node.config.get("description", "")), _text(value, kind)
            )
    return list(found.values())


def read_fields(fields: Sequence[InputField], typed: Mapping[str, Any], *, prefix: str = "input-") -> list[InputField]:
    """The fields with what was typed into them."""
    found = []
    for field in fields:
        text = str(typed.get(prefix + field.name, ""))[:LONGEST].replace("\r\n", "\n").replace("\0", "")
        if field.type == "boolean":
            text = "true" if text in ("on", "true") else "false"
        found.append(_with(field, text=text))
    return found


def values_of(fields: Iterable[InputField], nodes: Sequence[NodeSpec]) -> tuple[dict[str, Any], list[InputField]]:
    """The values that were typed, and the fields, those with a mistake saying so.

    An empty field gives nothing: the graph's default counts, if it has one.
    """
    fields = list(fields)
    values: dict[str, Any] = {}
    errors: dict[str, str] = {}
    for field in fields:
        if not field.text.strip() and field.type != "boolean":
            if field.is_required:
                errors[field.name] = "This is needed."
            continue
        try:
            values[field.name] = _value(field)
        except ValueError:
            errors[field.name] = "This is no JSON."
    names = {field.name for field in fields}
    try:
        resolved = resolve_inputs([node for node in nodes if node.config.get("name") in names], values)
        values = {name: resolved[name] for name in values}
    except InputsRefused as error:
        for problem in error.problems:
            errors.setdefault(problem["pointer"].removeprefix("#/inputs/"), problem["detail"].partition(": ")[2])
    return values, [_with(field, error=errors.get(field.name, "")) for field in fields]


def _value(field: InputField) -> Any:
    if field.type == "boolean":
        return field.text == "true"
    if field.type in JSON_TYPES:
        return read_json(field.text.encode())
    if field.type == "any":
        try:
            return read_json(field.text.encode())
        except ValueError:
            return field.text
    return field.text if field.type == "text" else field.text.strip()


def _text(value: Any, kind: str) -> str:
    if value is None:
        return ""
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) and kind in JSON_TYPES else shown_text(value)


def shown_text(value: Any) -> str:
    """A value as people read it: text as it is, the rest as JSON."""
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, indent=2 if isinstance(value, dict | list) else None)


def _with(field: InputField, *, text: str | None = None, error: str = "") -> InputField:
    shown = field.text if text is None else text
    return InputField(field.name, field.type, field.is_required, field.description, shown, error)
