"""JSON that a model was asked for: what it gave, held to its schema."""

import json
from collections.abc import Mapping
from typing import Any

from blocks.base import BlockError

MAX_SHOWN = 200


def check_schema(schema: Mapping[str, Any]) -> None:
    """Refuse what is no JSON Schema.

    Raises:
        BlockError: it is none; the message says what is wrong.
    """
    import jsonschema  # type: ignore[import-untyped]  # it has no types

    try:
        jsonschema.Draft202012Validator.check_schema(dict(schema))
    except jsonschema.SchemaError as error:
        raise BlockError(f"The schema of the answer is not valid: {error.message[:MAX_SHOWN]}.", retry=False) from None


def read_answer(text: str, schema: Mapping[str, Any]) -> Any:
    """The value that the text stands for; models like to put fences around it.

    Raises:
        BlockError: it is no JSON, or not what the schema says; another try may give another answer.
    """
    import jsonschema
    from referencing import Registry
    from referencing.exceptions import Unresolvable

    try:
        value = json.loads(_without_fence(text))
    except ValueError:
        raise BlockError(f"The model's answer is no JSON: {_short(text)}") from None
    # An empty registry: a reference to elsewhere is not followed.
    validator = jsonschema.Draft202012Validator(dict(schema), registry=Registry())
    try:
        error = next(validator.iter_errors(value), None)
    except Unresolvable as missing:
        raise BlockError(f"The schema of the answer refers to what is not in it: {missing}.", retry=False) from None
    if error is not None:
        where = error.json_path.removeprefix("$").lstrip(".") or "the answer"
        raise BlockError(f"The model's answer does not fit the schema: {where}: {error.message[:MAX_SHOWN]}.")
    return value


def _without_fence(text: str) -> str:
    lines = text.strip().splitlines()
    if len(lines) > 2 and lines[0].startswith("```") and lines[-1].strip() == "```":
        return "\n".join(lines[1:-1])
    return text


def _short(text: str) -> str:
    words = " ".join(text.split())
    return f"{words[:MAX_SHOWN]}…" if len(words) > MAX_SHOWN else words or "(nothing)"
