"""Values for people to look at: large ones are cut, and say so."""

from typing import Any, NamedTuple

from agentflow.encoding import dump

#: Bytes of JSON of a value that is shown whole.
MOST_BYTES = 65_536
#: What is kept of a longer one: parts of containers and characters of texts, and how deep.
MOST_PARTS = 100
MOST_CHARACTERS = 2_000
MOST_DEPTH = 4


class Clipped(NamedTuple):
    """A value as it is shown."""

    value: Any
    #: Bytes of the whole value's JSON.
    size: int
    is_cut: bool


def clipped(value: Any) -> Clipped:
    """The value; its beginning if its JSON is longer than `MOST_BYTES`."""
    size = len(dump(value))
    if size <= MOST_BYTES:
        return Clipped(value, size, is_cut=False)
    return Clipped(beginning(value, MOST_BYTES)[0], size, is_cut=True)


def beginning(value: Any, budget: int, depth: int = MOST_DEPTH) -> tuple[Any, int]:
    """The first parts of a value, the first of theirs and so on, about `budget` characters; and what is left of it."""
    if isinstance(value, str):
        text = value[: max(min(budget, MOST_CHARACTERS), 0)]
        return text, budget - len(text)
    if not isinstance(value, (dict, list)):
        return value, budget - 8
    if depth == 0:
        return ({} if isinstance(value, dict) else []), budget - 2
    parts = list(value.items() if isinstance(value, dict) else enumerate(value))[:MOST_PARTS]
    kept: dict[Any, Any] = {}
    for key, part in parts:
        if budget <= 0:
            break
        kept[key], budget = beginning(part, budget - len(str(key)), depth - 1)
    return (kept if isinstance(value, dict) else list(kept.values())), budget
