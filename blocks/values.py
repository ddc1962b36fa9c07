"""JSON values as blocks see them: exact equality, text form, careful parsing, names of types for messages."""

import json
import math
import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Annotated, Any

import orjson
from pydantic import BeforeValidator, Strict, WithJsonSchema

from blocks.base import BlockError

#: Deepest nesting of a value; storage refuses 254 levels, people cannot read ten.
MAX_DEPTH = 100
#: Whole numbers that JSON storage keeps exactly.
MIN_INTEGER, MAX_INTEGER = -(2**63), 2**64 - 1

_LONG_NUMBER = re.compile(rb"\d{19}")
_NAMES = {
    type(None): "null",
    bool: "true or false",
    int: "a number",
    float: "a number",
    str: "text",
    list: "a list",
    dict: "a dict",
}


def _number(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"must be a number, not {type_name(value)}")  # noqa: TRY004 - pydantic reports ValueErrors
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("must be a finite number")
    return value


#: A number and nothing that only looks like one: `true` and `"5"` are refused, 5 stays a whole number.
Number = Annotated[int | float, BeforeValidator(_number), WithJsonSchema({"type": ["integer", "number"]})]
#: A whole number; `true` and `"3"` are refused.
Integer = Annotated[int, Strict()]


def is_number(value: Any) -> bool:
    """Whether the value is a number; true and false are none."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def type_name(value: Any) -> str:
    """What to call the value's type in a message."""
    return _NAMES.get(type(value), type(value).__name__)


def show(value: Any, limit: int = 60) -> str:
    """The value as JSON text, cut to fit into a message; however large it is, only the beginning is written."""
    text = ""
    for piece in _pieces(value, limit):
        text += piece
        if len(text) > limit:
            return f"{text[: limit - 1]}…"
    return text


def _pieces(value: Any, limit: int) -> Iterator[str]:
    """JSON text of a value, piece by piece; what is not JSON as Python writes it."""
    if isinstance(value, list):
        for number, member in enumerate(value):
            yield "," if number else "["
            yield from _pieces(member, limit)
        yield "]" if value else "[]"
    elif isinstance(value, dict):
        for number, (key, member) in enumerate(value.items()):
            yield f"{',' if number else '{'}{json.dumps(str(key)[:limit], ensure_ascii=False)}:"
            yield from _pieces(member, limit)
        yield "}" if value else "{}"
    elif value is None or isinstance(value, str | bool | int | float):
        yield json.dumps(value[:limit] if isinstance(value, str) else value, ensure_ascii=False)
    else:
        yield repr(value)


def to_json(value: Any, *, pretty: bool = False) -> str:
    """JSON text of a value: compact, or indented by two."""
    try:
        return orjson.dumps(value, option=orjson.OPT_INDENT_2 if pretty else 0).decode()
    except (orjson.JSONEncodeError, UnicodeError) as error:
        raise BlockError(f"This value cannot be written as JSON: {error}.", retry=False) from None


def to_text(value: Any) -> str:
    """Text stays as it is, everything else becomes compact JSON."""
    return value if isinstance(value, str) else to_json(value)


def equal(a: Any, b: Any) -> bool:
    """Strict equality: `"5"` is not `5`, `true` is not `1`, but `1` is `1.0`; lists and dicts member by member."""
    pairs = [(a, b)]
    while pairs:
        left, right = pairs.pop()
        if isinstance(left, list) and isinstance(right, list):
            if len(left) != len(right):
                return False
            pairs.extend(zip(left, right, strict=True))
        elif isinstance(left, dict) and isinstance(right, dict):
            if left.keys() != right.keys():
                return False
            pairs.extend((value, right[key]) for key, value in left.items())
        elif isinstance(left, bool) is not isinstance(right, bool) or left != right:
            return False
    return True


def parse_json(text: str | bytes) -> Any:
    """The value that JSON text stands for, exactly: a number that cannot be kept is refused, not rounded away.

    Raises:
        BlockError: the text is not JSON, is nested too deeply or holds a whole number beyond 64 bits.
    """
    data = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise BlockError(
            f"The text is not JSON: {error.msg} (line {error.lineno}, column {error.colno}).", retry=False
        ) from None
    if data.count(b"[") + data.count(b"{") > MAX_DEPTH and depth(value) > MAX_DEPTH:
        raise BlockError(f"The JSON is nested more than {MAX_DEPTH} levels deep.", retry=False)
    if _LONG_NUMBER.search(data):
        _refuse_rounded(data)
    return value


_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?', re.DOTALL)


def _refuse_rounded(data: bytes) -> None:
    """Raise when a whole number beyond 64 bits would silently become another one."""
    for match in _TOKEN.finditer(data):
        token = match.group()
        if len(token) < 19 or not token.lstrip(b"-").isdigit():
            continue
        exact = Decimal(token.decode())
        if not MIN_INTEGER <= exact <= MAX_INTEGER and Decimal(float(exact)) != exact:
            raise BlockError(
                f"The whole number {token[:40].decode()} is too large to keep exactly; write it as text.", retry=False
            )


def depth(value: Any) -> int:
    """How many lists and dicts are nested in each other at most."""
    deepest = 0
    stack = [(value, 1)]
    while stack:
        item, level = stack.pop()
        if isinstance(item, list | dict):
            deepest = max(deepest, level)
            stack.extend((member, level + 1) for member in (item.values() if isinstance(item, dict) else item))
    return deepest
