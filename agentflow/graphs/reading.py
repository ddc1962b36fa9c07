"""Reading JSON from outside: typed, bounded, every mistake collected with its JSON pointer."""

from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum
from json import dumps
from math import isfinite
from typing import Any, TypeVar

Choice = TypeVar("Choice", bound=StrEnum)

#: Deepest nesting of a value.
MAX_DEPTH = 64
#: Whole numbers that every JSON reader and writer here can carry.
SMALLEST_INTEGER, LARGEST_INTEGER = -(2**63), 2**64 - 1


class Problems:
    """Mistakes found so far, as `{pointer, detail}`; reading goes on after one, so that all are told at once."""

    #: A file with more mistakes than this is not worth reading on.
    LIMIT = 100

    def __init__(self) -> None:
        self.found: list[dict[str, str]] = []

    def add(self, pointer: str, detail: str) -> None:
        """Note a mistake."""
        if len(self.found) < self.LIMIT:
            self.found.append({"pointer": pointer, "detail": detail})

    def __bool__(self) -> bool:
        return bool(self.found)


class Reader:
    """One JSON object, read member by member; a wrong member is noted and read as its default."""

    def __init__(self, value: object, pointer: str, problems: Problems) -> None:
        self.pointer = pointer
        self.problems = problems
        self.members: Mapping[str, object] = {}
        if isinstance(value, Mapping):
            self.members = value
        else:
            problems.add(pointer, f"Must be an object, not {kind_of(value)}.")

    def at(self, name: str) -> str:
        """The pointer of a member."""
        return f"{self.pointer}/{escape(name)}"

    def refuse_unknown(self, known: Iterable[str]) -> None:
        """Note every member that nothing reads: dropping it silently would lose what its author meant."""
        for name in self.members.keys() - set(known):
            self.problems.add(self.at(str(name)), "Is not a member that this version of agentflow knows.")

    def require(self, names: Iterable[str]) -> None:
        """Note every one of these members that is missing."""
        for name in names:
            if name not in self.members:
                self.problems.add(self.at(name), "Is missing.")

    def inside(self, name: str) -> "Reader":
        """A reader of the object that a member is; left out, it is empty."""
        return Reader(self.members.get(name, {}), self.at(name), self.problems)

    def text(self, name: str, *, longest: int, required: bool = False) -> str:
        """A string; a required one is a name: not blank, no control characters, no white space around it."""
        value = self.members.get(name)
        if value is None and not required and name not in self.members:
            return ""
        problem = name_problem(value, longest) if required else text_problem(value, longest)
        if problem:
            self.problems.add(self.at(name), problem)
            return ""
        return str(value)

    def number(self, name: str, default: float, *, smallest: float, largest: float) -> float:
        """A finite number in bounds."""
        value = self.members.get(name, default)
        if isinstance(value, bool) or not isinstance(value, int | float):
            self.problems.add(self.at(name), f"Must be a number, not {kind_of(value)}.")
            return default
        if not smallest <= value <= largest:
            self.problems.add(self.at(name), f"Must be between {smallest:,.15g} and {largest:,.15g}.")
            return default
        return value

    def integer(self, name: str, default: int, *, smallest: int, largest: int) -> int:
        """A whole number in bounds."""
        value = self.number(name, default, smallest=smallest, largest=largest)
        if value != int(value):
            self.problems.add(self.at(name), "Must be a whole number.")
            return default
        return int(value)

    def choice(self, name: str, default: Choice) -> Choice:
        """One of the words of the default's enum."""
        value = self.members.get(name, default)
        words = [word.value for word in type(default)]
        if value not in words:
            self.problems.add(self.at(name), f"Must be one of: {', '.join(words)}.")
            return default
        return type(default)(value)

    def items(self, name: str, *, most: int) -> list[tuple[str, object]]:
        """The items of a list, each with its pointer."""
        value = self.members.get(name, [])
        if not isinstance(value, list | tuple):
            self.problems.add(self.at(name), f"Must be a list, not {kind_of(value)}.")
            return []
        if len(value) > most:
            self.problems.add(self.at(name), f"Has {len(value):,} items; at most {most:,} are allowed.")
            return []
        return [(f"{self.at(name)}/{index}", item) for index, item in enumerate(value)]

    def json_object(self, name: str, *, largest_bytes: int) -> dict[str, Any]:
        """An object of free JSON values, bounded in depth and size."""
        return read_object(self.members.get(name, {}), self.at(name), self.problems, largest_bytes=largest_bytes)


def read_object(value: object, pointer: str, problems: Problems, *, largest_bytes: int) -> dict[str, Any]:
    """An object of free JSON values, bounded in depth and size; empty when it is none."""
    if not isinstance(value, Mapping):
        problems.add(pointer, f"Must be an object, not {kind_of(value)}.")
        return {}
    return dict(value) if check_json(value, pointer, problems, largest_bytes=largest_bytes) else {}


def check_json(value: object, pointer: str, problems: Problems, *, largest_bytes: int) -> bool:
    """Whether a free JSON value can be stored; notes the first thing in it that cannot."""
    found = _first_bad(value, pointer, MAX_DEPTH)
    if found is None and json_size(value) > largest_bytes:
        found = (pointer, f"Is larger than {largest_bytes:,} bytes.")
    if found is not None:
        problems.add(*found)
    return found is None


def json_size(value: object) -> int:
    """Bytes of a value that can be stored, written as JSON."""
    return len(dumps(value, ensure_ascii=False).encode())


def text_problem(value: object, longest: int) -> str:
    """Why the value is not storable text; empty if it is."""
    if not isinstance(value, str):
        return f"Must be text, not {kind_of(value)}."
    if len(value) > longest:
        return f"Is longer than {longest:,} characters."
    return _unstorable(value)


def name_problem(value: object, longest: int) -> str:
    """Why the value cannot name something; empty if it can."""
    if problem := text_problem(value, longest):
        return problem
    if not isinstance(value, str) or not value.strip():
        return "Must not be empty."
    if value != value.strip() or not value.isprintable():
        return "Must not have control characters, or white space around it."
    return ""


def kind_of(value: object) -> str:
    """What a person calls the value's type."""
    kinds: dict[type, str] = {type(None): "null", bool: "a boolean", str: "text", list: "a list", dict: "an object"}
    return kinds.get(type(value), "a number" if isinstance(value, int | float) else type(value).__name__)


def escape(name: str) -> str:
    """A member's name in a JSON pointer. Source: RFC 6901 §3."""
    return name.replace("~", "~0").replace("/", "~1")


def _first_bad(value: object, pointer: str, depth: int) -> tuple[str, str] | None:
    if depth == 0:
        return pointer, f"Is nested deeper than {MAX_DEPTH} levels."
    if isinstance(value, Mapping):
        return _first_bad_member(value, pointer, depth)
    if isinstance(value, list | tuple):
        bad = (_first_bad(item, f"{pointer}/{index}", depth - 1) for index, item in enumerate(value))
        return next(filter(None, bad), None)
    problem = _scalar_problem(value)
    return (pointer, problem) if problem else None


def _first_bad_member(value: Mapping[object, object], pointer: str, depth: int) -> tuple[str, str] | None:
    for name, item in value.items():
        if not isinstance(name, str) or _unstorable(name):
            return pointer, "Has a member whose name is not storable text."
        if found := _first_bad(item, f"{pointer}/{escape(name)}", depth - 1):
            return found
    return None


def _scalar_problem(value: object) -> str:
    checks: dict[type, Callable[[], str]] = {
        str: lambda: _unstorable(str(value)),
        float: lambda: "" if isinstance(value, float) and isfinite(value) else "Must be a finite number.",
        int: lambda: (
            ""
            if isinstance(value, int) and SMALLEST_INTEGER <= value <= LARGEST_INTEGER
            else "Whole numbers must fit into 64 bits."
        ),
        bool: lambda: "",
        type(None): lambda: "",
    }
    check = checks.get(type(value))
    return check() if check else f"Is not JSON but {type(value).__name__}."


def _unstorable(text: str) -> str:
    if "\0" in text:
        return "Must not contain the null character."
    if any("\ud800" <= character <= "\udfff" for character in text):
        return "Must not contain half a surrogate pair."
    return ""
