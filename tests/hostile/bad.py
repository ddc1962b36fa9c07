"""What hostile and broken clients send, as strategies."""

import os
from copy import deepcopy
from json import dumps
from typing import Any
from urllib.parse import quote_from_bytes

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st

#: Many times the cases of a commit: `AGENTFLOW_HOSTILE=100 pytest tests/hostile`.
DOSE = int(os.environ.get("AGENTFLOW_HOSTILE", "1"))

#: Texts that have broken something somewhere: see each line's comment.
TEXTS = [
    "",
    " ",
    "\0",
    "a\0b",
    "\ud800",  # half a surrogate pair
    "\ufffe\uffff",
    "\u202egnp.exe",  # right to left
    "e\u0301" * 3,
    "\r\nSet-Cookie: a=b",
    "\x1b[31m",
    "\x7f\x80\x9f",
    "\u2028\u2029",
    "٣",  # a digit that `int` takes
    "²",  # a digit that `int` does not take
    "1_000",
    "+1",
    "-1",
    "0",
    "1e400",
    "NaN",
    "Infinity",
    "9" * 19,
    "9" * 30,
    "9" * 5_000,  # more digits than `int` takes
    "x" * 300,
    "x" * 10_000,
    "👩‍👩‍👧‍👦" * 50,
    "__proto__",
    "constructor",
    "a.b.c",
    "a/b",
    "~0~1",
    "../../etc/passwd",
    "%00",
    "%s%n%d",
    "{{7*7}}",
    "{0.__class__}",
    "${jndi:ldap://x}",
    "'; DROP TABLE x; --",
    '"><script>alert(1)</script>',
    "None",
    "null",
    "true",
    "[]",
    "{}",
    "[" * 3_000,
    "00000000-0000-0000-0000-000000000000",
    "ffffffff-ffff-ffff-ffff-ffffffffffff",
    "(a+)+$",
    'sessionid="abcdefgh\\000"; csrftoken="\\000"; messages="\\000"; agentflow_new_token="\\000"',
    "2026-01-01",
    "0000-00-00",
    "99999-12-31T00:00:00Z",
]
texts = st.sampled_from(TEXTS) | st.text(max_size=30)
storable_texts = texts.filter(lambda text: text.isascii() or not any("\ud800" <= c <= "\udfff" for c in text))


def settled(examples: int, **more: Any) -> settings:
    """So many examples, the same ones on each run; with a larger dose many more, other ones each time."""
    return settings(
        max_examples=examples * DOSE,
        derandomize=DOSE == 1,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.explicit, Phase.generate, Phase.shrink],
        **more,
    )


def quoted(text: str) -> str:
    """Text for an address; halves of surrogate pairs go as the bytes that broken clients make of them."""
    return quote_from_bytes(text.encode("utf-8", "surrogatepass"), safe="")


def nested(levels: int, kind: str = "list") -> Any:
    """A list or dict with so many inside each other."""
    value: Any = []
    for _ in range(levels):
        value = [value] if kind == "list" else {"a": value}
    return value


#: Values that JSON can carry, or that broken writers put into it.
VALUES: list[Any] = [
    *(None, True, False, 0, -1, 1, 2, 1.5, -0.0, 5e-324, 1e308, 1e20, float("inf"), float("nan")),
    *(2**31, 2**53 + 1, 2**63, 2**64, -(2**63) - 1, 10**30, 10**400),
    *([], {}, [[]], [None], {"": None}, {"\0": "\0"}, {"__proto__": {"toString": 1}}, {"a.b/c~d'\"<b>": 1}),
    *(nested(63), nested(64), nested(64, "dict"), nested(250), nested(253), nested(254), nested(300), nested(900)),
    *([0] * 1_000, {str(number): number for number in range(300)}, [{}] * 300),
    {"source": "a", "source_port": "a.10001", "sink": "a", "sink_port": "a.99999999999999999999"},
    {"key": "a", "block": "core.value", "config": {"value": 1}},
]
values = st.sampled_from(VALUES) | texts


def places(value: Any) -> list[tuple[Any, Any]]:
    """Every container inside a JSON value with each of its names or indices."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [place for name, part in inner for place in ((value, name), *places(part))]


@st.composite
def broken(draw: st.DrawFn, valid: Any) -> Any:
    """The JSON value with one to three things in it changed, taken away, renamed or doubled."""
    whole = deepcopy(valid)
    for holder, name in draw(st.lists(st.sampled_from(places(whole)), min_size=1, max_size=3)):
        how = draw(st.sampled_from(["put", "put", "put", "take", "rename", "double"]))
        if name not in (holder if isinstance(holder, dict) else range(len(holder))):
            continue  # taken away before
        if how == "put":
            holder[name] = draw(values)
        elif how == "take":
            del holder[name]
        elif isinstance(holder, list):
            holder.append(holder[name])
        else:
            holder[draw(texts)] = holder.pop(name) if how == "rename" else holder[name]
    return whole


def json_bytes(value: Any) -> bytes:
    """As a careless client writes it: with NaN, halves of surrogate pairs and whole numbers of any size."""
    return dumps(value).encode()


def is_there(pointer: str, body: Any) -> bool:
    """Whether a JSON pointer names a place of the body, or a member that one of its containers could have."""
    if pointer == "#":
        return True
    *above, _ = (part.replace("~1", "/").replace("~0", "~") for part in pointer.removeprefix("#/").split("/"))
    for name in above:
        if isinstance(body, dict) and name in body:
            body = body[name]
        elif isinstance(body, list) and name.isdecimal() and int(name) < len(body):
            body = body[int(name)]
        else:
            return False
    return True
